"""What the workers do: one handler for each kind of job."""
