"""What a run has to say: the attempt log, and every number, plot and verdict made from it."""
