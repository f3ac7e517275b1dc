"""Plain ``bullmq``, as pip installs it and its README shows: ``work|add|bulk URL [JOBS]``."""

import asyncio
import sys
import time

from bullmq import Queue, Worker

_BULK = 500


async def work(url: str) -> None:
    async def process(job, job_token):  # noqa: ARG001
        return "processing"

    worker = Worker("order", process, {"connection": url, "concurrency": 5})
    await asyncio.Event().wait()
    await worker.close()


async def add(url: str, jobs: int, *, bulk: bool) -> float:
    queue = Queue("order", {"connection": url})
    await queue.add("warm", {})
    began = time.perf_counter()
    if bulk:
        entries = [{"name": "process-order", "data": {"order_id": str(n)}} for n in range(jobs)]
        for i in range(0, jobs, _BULK):
            await queue.addBulk(entries[i : i + _BULK])
    else:
        for n in range(jobs):
            await queue.add("process-order", {"order_id": str(n)})
    seconds = time.perf_counter() - began
    await queue.close()
    return seconds


if __name__ == "__main__":
    what, url, *jobs = sys.argv[1:]
    if what == "work":
        asyncio.run(work(url))
    else:
        print(asyncio.run(add(url, int(jobs[0]), bulk=what == "bulk")))
