"""rq with a pool of five workers: ``work|add URL [JOBS]``."""

import sys
import time

from redis import Redis
from rq import Queue
from rq.worker_pool import WorkerPool


def no_op(number: int) -> None:
    """Nothing."""


if __name__ == "__main__":
    what, url, *jobs = sys.argv[1:]
    connection = Redis.from_url(url)
    if what == "work":
        WorkerPool(["default"], connection=connection, num_workers=5).start(logging_level="WARNING")
    else:
        queue = Queue(connection=connection)
        began = time.perf_counter()
        for n in range(int(jobs[0])):
            queue.enqueue("with_rq.no_op", n)
        print(time.perf_counter() - began)
