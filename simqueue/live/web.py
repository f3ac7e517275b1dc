"""The page of `play` and the one address that it asks: loopback, with a token for everything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from simqueue.live.player import Player
from simqueue.operations.guard import Guard, Handler, Json, guarded, refuse

_STATIC = Path(__file__).parent / "static"
#: What the page is made of, and nothing else of the folder.
_FILES = (
    *("play.css", "page.js", "app.js", "stage.js", "charts.js", "controls.js", "dom.js"),
    "icon.svg",
)
#: A command is no longer: a session that is loaded may be.
_LONGEST = 5_000_000


def make_app(player: Player, token: str, hosts: Sequence[str] | None) -> Starlette:
    """The web application.

    Parameters
    ----------
    player
        What is played; all who look see the same.
    token
        What whoever asks has to know: a browser sends no such header for another site.
    hosts
        The host names that it answers to; ``None``: any.
    """

    async def play(request: Request) -> Response:
        body = await request.body()
        if len(body) > _LONGEST:
            return refuse(413, "too long")
        try:
            command = json.loads(body or b"{}")
        except ValueError:
            command = None
        if not isinstance(command, dict):
            return refuse(400, "expected a JSON object")
        return Json(player.answer(command))

    def file(name: str) -> Handler:
        async def answer(_: Request) -> Response:
            return FileResponse(_STATIC / name)

        return answer

    return Starlette(
        routes=[
            Route("/", file("play.html")),
            *(Route(f"/static/{name}", file(name)) for name in _FILES),
            Route("/api/play", guarded(play, token), methods=["POST"]),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
    )
