"""What can be wrong with the way to a Redis, from its URL to its first answer, in words."""

from __future__ import annotations

import math
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from simqueue.errors import InputError
from simqueue.files import reason
from simqueue.safe_text import masked_url, one_line

#: The options that a URL may have: redis-py takes whatever its classes take, also what only a
#: program can give them, such as ``credential_provider``.
_NUMBERS = (
    *("db", "protocol", "socket_timeout", "socket_connect_timeout", "timeout"),
    *("max_connections", "health_check_interval", "ssl_min_version"),
)
_SWITCHES = ("socket_keepalive", "retry_on_timeout", "ssl_check_hostname")
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TEXTS = ("username", "password", "client_name", "ssl_cert_reqs", "ssl_ca_path", "ssl_password")
_SCHEMES = ("redis://", "rediss://", "unix://")
OPTIONS = (*_NUMBERS, *_SWITCHES, *_FILES, *_TEXTS)


def not_a_url(url: str, why: str = "") -> InputError:
    """The error for a URL that is none."""
    return InputError(
        f"QUEUE_REDIS_URL={masked_url(url)}: not a Redis URL{f' ({why})' if why else ''}; expected "
        "redis://USER:PASSWORD@HOST:PORT/DATABASE, with / # ? @ in a password written as %2F %23 "
        "%3F %40"
    )


def check_redis_url(url: str) -> None:
    """Raise an `InputError` if a Redis URL has parts that would be passed over or misread."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        # The reason may quote a part of the password, so it is not passed on.
        raise not_a_url(url) from None
    if parts.fragment or "@" in f"{parts.path if parts.netloc else ''}{parts.query}":
        raise not_a_url(url)
    database = parts.path.strip("/") if parts.scheme != "unix" else ""
    if database and not (database.isascii() and database.isdecimal()):
        raise not_a_url(url, "its database is not a number")
    if not url.startswith(_SCHEMES):
        raise not_a_url(url)
    for name, value in options:
        if name.startswith("ssl_") and parts.scheme != "rediss":
            raise not_a_url(url, f"{one_line(name, 40)}: only rediss:// has TLS")
        if name == "socket_keepalive" and parts.scheme == "unix":
            raise not_a_url(url, f"{name}: not of a socket in the file system")
        if name not in OPTIONS:
            known = ", ".join(OPTIONS)
            raise not_a_url(url, f"it has an unknown option {one_line(name, 40)!r}, not {known}")
        if wrong := _wrong(name, value):
            raise not_a_url(url, f"{name}: {wrong}")


def _wrong(name: str, value: str) -> str:
    """What is wrong with an option's value, if anything is."""
    if name in _NUMBERS:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and (number > 0 or (name == "db" and number == 0))):
            return "expected a number above 0"
        if name == "protocol" and number not in (2, 3):
            return "expected 2 or 3"
    elif name == "client_name" and not (
        value.isascii() and value.isprintable() and " " not in value
    ):
        return "expected visible ASCII without blanks"
    elif name == "ssl_cert_reqs" and value not in ("none", "optional", "required"):
        return "expected none, optional or required"
    elif name in _FILES and not Path(value).is_file():
        return "there is no such file"
    return ""


def no_greeting(error: BaseException) -> str:
    """Why a Redis did not greet us, and what to do: nobody is there, or somebody says no."""
    from redis import exceptions as of_redis

    # Its reason may be deep down: a refused login is tried again until the time is over.
    causes = list(_causes(error))

    def found(*kinds: type[BaseException]) -> str | None:
        return next((reason(one) for one in causes if isinstance(one, kinds)), None)

    if why := found(of_redis.AuthenticationError, of_redis.NoPermissionError):
        if why.startswith(("HELLO", "NOAUTH", "Authentication required")):
            why = "it wants a password"
        return f"a Redis answers there, but refuses the login ({why}); check user and password"
    if why := found(ssl.SSLCertVerificationError):
        return (
            f"what answers there has a certificate that is not accepted ({why}); for an authority "
            "of your own add ?ssl_ca_certs=FILE"
        )
    if why := found(ssl.SSLError):
        return (
            f"what answers there does not agree on TLS ({why}); redis:// is without, rediss:// with"
        )
    if why := found(of_redis.InvalidResponse):
        return f"what answers there is no Redis ({why}); mend host and port"
    if why := found(of_redis.ResponseError, of_redis.BusyLoadingError):
        return f"a Redis answers there, but says: {why}"
    why = found(of_redis.RedisError) or "no answer in time"
    return f"no Redis answers there ({why}); start one (redis-server), or mend the URL"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
