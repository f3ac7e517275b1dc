"""What people who run the shop see: logs, and later statistics and metrics."""
