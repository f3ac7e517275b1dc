"""What stands in front of our web servers: who may ask, and the headers of every answer."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

Handler = Callable[[Request], Awaitable[Response]]


class Json(JSONResponse):
    """JSON in ASCII: what Redis holds may be no UTF-8, and one such text would be an error."""

    def render(self, content: Any) -> bytes:
        """The bytes of an answer."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


class Guard:
    """Adds the security headers to every answer, and turns away foreign host names."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or turn it away."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        host = _host(Headers(scope=scope).get("host", ""))
        if self._hosts is not None and host not in self._hosts:
            answer = refuse(421, f"this server answers to {', '.join(self._hosts)} only")
            await answer(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)


def _host(header: str) -> str:
    """The host of a ``Host`` header, without its port: ``[::1]:80`` has colons of its own."""
    if header.startswith("["):
        return header.partition("]")[0].removeprefix("[").lower()
    return header.partition(":")[0].lower()


def refuse(status: int, why: str) -> Response:
    """An answer that says why there is none."""
    return Json({"error": why}, status)


def guarded(handler: Handler, token: str) -> Handler:
    """Have a handler answer those only who know the token."""

    async def with_token(request: Request) -> Response:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not right:
            answer = refuse(401, "this needs the header Authorization: Bearer TOKEN")
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        return await handler(request)

    return with_token
