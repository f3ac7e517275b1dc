"""Two logs of one workload side by side."""
