"""The web server of `serve`: the queues as JSON, as metrics, and as a page.

Reading is open to whoever can connect, hence loopback by default. What changes a queue needs
``Authorization: Bearer TOKEN``: a browser sends no such header on another site's behalf.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from simqueue import __version__
from simqueue.errors import InputError, JobError
from simqueue.operations.failed import Failures, JobHeldError
from simqueue.operations.guard import Guard, Handler, Json, guarded, refuse
from simqueue.operations.monitor import Monitor
from simqueue.operations.queues import number
from simqueue.operations.stats import stats_json

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

_STATIC = Path(__file__).parent / "static"
#: What the page is made of, and nothing else of the folder.
_FILES = ("page.css", "page.js", "chart.js", "icon.svg")

_log = logging.getLogger(__name__)

#: Answers about the failed jobs of a queue, or about one of them by its id. Both are given in the
#: query and not in the path: there, `.`, `..` and slashes have a meaning of their own.
OfFailures = Callable[[Failures, str, Request], Awaitable[Response]]


def make_app(
    connection: Connection,
    queues: Sequence[str],
    token: str,
    hosts: Sequence[str] | None = None,
) -> Starlette:
    """The web application.

    Parameters
    ----------
    connection
        The Redis that holds the queues.
    queues
        Their names.
    token
        What a request that changes a queue has to know.
    hosts
        The host names that it answers to; ``None``: any. On loopback this keeps out a web page
        whose name somebody lets point to 127.0.0.1.
    """
    monitor = Monitor(connection, queues)
    failures = {queue: Failures(connection, queue) for queue in queues}

    async def stats(_: Request) -> Response:
        return Json({**stats_json(await monitor.stats()), "prefix": connection.prefix})

    async def history(request: Request) -> Response:
        return Json(monitor.history(number(request.query_params.get("since")) or 0.0))

    async def metrics(_: Request) -> Response:
        return Response(await monitor.metrics(), headers={"content-type": CONTENT_TYPE_LATEST})

    async def alive(_: Request) -> Response:
        return Json({"alive": True, "version": __version__})

    async def ready(_: Request) -> Response:
        if trouble := await monitor.trouble():
            return Json({"ready": False, "reason": trouble}, 503)
        return Json({"ready": True})

    async def failed(jobs: Failures, _: str, request: Request) -> Response:
        limit = _limit(request.query_params.get("limit", "20"))
        if limit is None:
            return refuse(400, "limit: expected a whole number from 1 to 1000")
        found = await jobs.list(limit)
        return Json({"failed": [job.as_json() for job in found]})

    async def retry(jobs: Failures, job_id: str, _: Request) -> Response:
        await jobs.retry(job_id)
        _log.info("failed job retried", extra={"queue": jobs.queue, "job_id": job_id})
        return Json({"retried": job_id})

    async def remove(jobs: Failures, job_id: str, _: Request) -> Response:
        await jobs.remove(job_id)
        _log.info("failed job removed", extra={"queue": jobs.queue, "job_id": job_id})
        return Json({"removed": job_id})

    def known(handler: OfFailures) -> Handler:
        async def of_a_known_queue(request: Request) -> Response:
            asked = request.query_params
            jobs = failures.get(asked.get("queue", ""))
            if jobs is None:
                return refuse(404, f"only these queues are served: {', '.join(failures)}")
            with connection.asking():
                return await handler(jobs, asked.get("id", ""), request)

        return of_a_known_queue

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with monitor.running():
            yield

    return Starlette(
        routes=[
            Route("/", _file("page.html")),
            *(Route(f"/static/{name}", _file(name)) for name in _FILES),
            Route("/api/queues/stats", stats),
            Route("/api/queues/history", history),
            Route("/api/failed", known(failed)),
            Route("/api/failed/retry", guarded(known(retry), token), methods=["POST"]),
            Route("/api/failed/remove", guarded(known(remove), token), methods=["POST"]),
            Route("/metrics", metrics),
            Route("/healthz", alive),
            Route("/readyz", ready),
        ],
        exception_handlers={
            InputError: partial(_said, 404),
            JobHeldError: partial(_said, 409),
            JobError: partial(_said, 503),
        },
        middleware=[Middleware(Guard, hosts=hosts)],
        lifespan=lifespan,
    )


def _file(name: str) -> Handler:
    async def answer(_: Request) -> Response:
        return FileResponse(_STATIC / name)

    return answer


def _limit(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000 else None


async def _said(status: int, _: Request, error: Exception) -> Response:
    return refuse(status, str(error))
