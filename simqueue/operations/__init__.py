"""Watching and mending anybody's BullMQ queues: counts, metrics, a page, jobs that failed."""
