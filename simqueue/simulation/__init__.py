"""The simulator: the same queues in virtual time."""
