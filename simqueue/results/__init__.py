"""What an attempt log has to say: numbers, plots and verdicts, and the theory that judges them."""
