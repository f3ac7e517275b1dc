"""Celery with five processes, its default kind: ``work|add URL [JOBS]``."""

import os
import sys
import time

from celery import Celery

app = Celery("with_celery", broker=os.environ["BROKER"])


@app.task(ignore_result=True)
def no_op(number: int) -> None:
    """Nothing."""


if __name__ == "__main__":
    what, _, *jobs = sys.argv[1:]
    if what == "work":
        program = [sys.executable, "-m", "celery", "-A", "with_celery", "worker"]
        os.execv(sys.executable, [*program, "--concurrency", "5", "--loglevel", "WARNING"])
    # The module as the worker imports it, so that the task has the name it knows.
    task = app.signature("with_celery.no_op")
    began = time.perf_counter()
    for n in range(int(jobs[0])):
        task.apply_async(args=(n,))
    print(time.perf_counter() - began)
