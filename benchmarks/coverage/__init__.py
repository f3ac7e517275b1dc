"""How often the 95 % intervals that are printed hold the truth, on queues whose truth is known."""
