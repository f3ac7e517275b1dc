"""How a job reaches its handler: the adapters that ``WORKER_MODE`` selects."""
