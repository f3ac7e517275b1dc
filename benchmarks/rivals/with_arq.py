"""arq, five jobs at once: ``work|add URL [JOBS]``."""

import asyncio
import sys
import time

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker


async def no_op(ctx: dict, number: int) -> None:
    """Nothing."""


async def add(url: str, jobs: int) -> float:
    pool = await create_pool(RedisSettings.from_dsn(url))
    began = time.perf_counter()
    for n in range(jobs):
        await pool.enqueue_job("no_op", n)
    return time.perf_counter() - began


async def work(url: str) -> None:
    settings = RedisSettings.from_dsn(url)
    await Worker([no_op], redis_settings=settings, max_jobs=5).async_run()


if __name__ == "__main__":
    what, url, *jobs = sys.argv[1:]
    if what == "work":
        asyncio.run(work(url))
    else:
        print(asyncio.run(add(url, int(jobs[0]))))
