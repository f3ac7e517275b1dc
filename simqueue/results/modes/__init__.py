"""What requests went through, in training mode and with queues: measures, words, figure, table."""
