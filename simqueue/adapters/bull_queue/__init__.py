"""``WORKER_MODE=bull-queue``, the production mode: BullMQ on Redis."""

from simqueue.adapters.bull_queue.adapter import BullQueueAdapter
from simqueue.adapters.bull_queue.connection import Connection, connect

__all__ = ["BullQueueAdapter", "Connection", "connect"]
