"""Programs that do no-op jobs with other queues, each run in a Python environment of its own.

Each uses nothing but its queue, as that queue's own documentation shows.
"""
