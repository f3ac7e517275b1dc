"""dramatiq, one process with five threads: ``work|add URL [JOBS]``."""

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["BROKER"]))


@dramatiq.actor
def no_op(number: int) -> None:
    """Nothing."""


if __name__ == "__main__":
    what, _, *jobs = sys.argv[1:]
    if what == "work":
        program = [sys.executable, "-m", "dramatiq", "with_dramatiq"]
        os.execv(sys.executable, [*program, "--processes", "1", "--threads", "5"])
    began = time.perf_counter()
    for n in range(int(jobs[0])):
        no_op.send(n)
    print(time.perf_counter() - began)
