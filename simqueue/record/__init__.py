"""What happened: the attempt log, read and written, and what real workers write down for it."""
