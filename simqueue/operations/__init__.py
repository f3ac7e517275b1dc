"""Watching and mending anybody's BullMQ queues: counts, metrics, failed jobs, a page."""
