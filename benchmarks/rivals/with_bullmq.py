"""Plain ``bullmq``, as pip installs it and its README shows: ``work|add|bulk URL [JOBS [FILE]]``.

It prints how long adding took by the clock, and of its processor, seconds; a file may tell what is
added.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from bullmq import Queue, Worker

_BULK = 500


async def work(url: str) -> None:
    async def process(job, job_token):  # noqa: ARG001
        return "processing"

    worker = Worker("order", process, {"connection": url, "concurrency": 5})
    await asyncio.Event().wait()
    await worker.close()


async def add(url: str, entries: list[dict], *, bulk: bool) -> tuple[float, float]:
    queue = Queue("order", {"connection": url})
    await queue.add("warm", {})
    began, before = time.perf_counter(), time.process_time()
    if bulk:
        for i in range(0, len(entries), _BULK):
            await queue.addBulk(entries[i : i + _BULK])
    else:
        for entry in entries:
            await queue.add(entry["name"], entry["data"], entry.get("opts", {}))
    seconds = time.perf_counter() - began, time.process_time() - before
    await queue.close()
    return seconds


if __name__ == "__main__":
    what, url, *more = sys.argv[1:]
    if what == "work":
        asyncio.run(work(url))
    else:
        jobs, *files = more
        if files:
            entries = json.loads(Path(files[0]).read_text())[: int(jobs)]
        else:
            entries = [
                {"name": "process-order", "data": {"order_id": str(n)}} for n in range(int(jobs))
            ]
        print(*asyncio.run(add(url, entries, bulk=what == "bulk")))
