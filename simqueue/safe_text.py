"""Text from elsewhere, fit to be said: secrets hidden, control characters shown, long ones cut.

What is logged, printed as an error, stored as the reason of a failure or shown on a page may hold
somebody's URL, payload or id. It goes through here first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

HIDDEN = "***"

#: Options of a URL whose values anybody may see. All others are hidden: a list of those that hold
#: secrets would always lack one.
_PUBLIC = frozenset(
    [
        *("db", "host", "port", "dbname", "protocol", "timeout", "connect_timeout"),
        *("client_name", "application_name", "max_connections", "health_check_interval"),
        *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "retry_on_timeout"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"),
        *("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"),
        *("ssl_check_hostname", "ssl_min_version", "mode", "cache", "uri", "plaintext"),
    ]
)
_FILE = re.compile(r"[\w./\\ -]*")
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s'\"<>]+")
#: Names whose values are secret, and any that have one of them in it.
_SECRET = r"(?: passw(?:or)?d | passphrase | pwd | secret | token | api[_-]?key | authorization )"
_SECRET_NAME = re.compile(f"(?ix) {_SECRET}")
_NAMED = re.compile(
    rf"""(?ix)
    ( {_SECRET} \w* )
    (["']? \s* [=:] \s* ) ( "[^"]*" | '[^']*' | (?:(?:bearer|basic)\s+)? [^\s,;&)}}\]]+ )"""
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
#: 13 to 19 digits, in groups or not.
_DIGITS = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
#: How the numbers of cards begin, by their length; a time in milliseconds does not begin so.
_CARDS = {
    13: re.compile("4"),
    14: re.compile("3[068]"),
    15: re.compile("3[47]"),
    16: re.compile("[3-6]|2[2-7]"),
    17: re.compile("6"),
    18: re.compile("6"),
    19: re.compile("[46]"),
}
#: What moves a terminal's cursor or hides text, the marks that turn its direction, and the halves
#: of characters that no encoding can write.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def masked_url(url: str) -> str:
    """``url`` without its secrets: the password, and every option that is not known to be harmless.

    A URL that can be read in two ways, as where a password holds a ``/`` or an ``@`` as it is, is
    not shown at all.

    >>> masked_url("postgresql://shop:geheim@db/shop?sslmode=require&pass%77ord=geheim")
    'postgresql://shop:***@db/shop?sslmode=require&pass%77ord=***'
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return safe(url) if _FILE.fullmatch(url) else HIDDEN
    place, question, query = rest.partition("?")
    place, hash_, _ = place.partition("#")
    if question and not hash_:
        query, hash_, _ = query.partition("#")
    elif hash_:
        question = query = ""
    server, slash, path = place.partition("/")
    if server and "@" in url[len(scheme) + 3 + len(server) :]:
        return safe(f"{scheme}://{HIDDEN}")
    credentials, at, host = server.rpartition("@")
    user, colon, password = credentials.partition(":")
    # The words of our own examples stand for themselves.
    hidden = password if password == "PASSWORD" else HIDDEN
    # What stands where a port should, and is none, may be a password whose host was forgotten.
    host = re.sub(r":(?!\d*$|PORT$)[^\]]*$", f":{HIDDEN}", host)
    if server and "=" in path:
        path = HIDDEN
    options = "&".join(map(_masked_option, re.split("[&;]", query)))
    return safe(
        f"{scheme}://{user}{colon and ':' + hidden}{at}{host}{slash}{path}"
        f"{question}{options if query else ''}{hash_ and '#' + HIDDEN}"
    )


def _masked_option(option: str) -> str:
    key, equals, _ = option.partition("=")
    if not equals:
        return HIDDEN if key else ""
    return option if unquote(key) in _PUBLIC else f"{key}={HIDDEN}"


def redacted(text: str) -> str:
    """``text`` without what is for nobody's eyes: passwords of URLs and settings, cards' numbers.

    >>> redacted("redis://:geheim@cache/0 refused card 4111 1111 1111 1111, password='geheim'")
    'redis://:***@cache/0 refused card ***, password=***'
    """
    text = _URL.sub(lambda found: masked_url(found[0]), text)
    text = _NAMED.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}", text)
    text = _BEARER.sub(lambda found: f"{found[1]} {HIDDEN}", text)
    return _DIGITS.sub(lambda found: HIDDEN if _is_card(found[0]) else found[0], text)


def is_secret_name(name: str) -> bool:
    """Whether a name says that its value is for nobody's eyes.

    >>> is_secret_name("smtp_password"), is_secret_name("job_id")
    (True, False)
    """
    return _SECRET_NAME.search(name) is not None


def _is_card(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    begins = _CARDS[len(digits)]
    if not begins.match("".join(map(str, digits[:2]))):
        return False
    # The last digit is a check of the others (ISO/IEC 7812-1, annex B).
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def safe(text: object) -> str:
    r"""Text fit for a terminal and for any encoding: control characters are shown, not obeyed.

    >>> safe("gateway\x1b[2J timed out")
    'gateway\\x1b[2J timed out'
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], str(text))


def cut(text: str, most: int) -> str:
    """``text``, its middle left out where it is too long.

    >>> cut("a" * 100_000, 40)
    'aaaaaaaaaaaaaaa [99,970 more] aaaaaaaaaaaaaaa'
    """
    if len(text) <= most:
        return text
    end = max(1, (most - 10) // 2)
    return f"{text[:end]} [{len(text) - 2 * end:,} more] {text[-end:]}"


def one_line(text: object, most: int = 200) -> str:
    r"""Text as one short line.

    >>> one_line("Error: no route\n    at send (mail.js:3)")
    'Error: no route at send (mail.js:3)'
    """
    line = safe(" ".join(str(text)[: 20 * most].split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def said(text: object, most: int = 1000) -> str:
    r"""Text of anybody's as a part of a line that may be logged: redacted, one line, not too long.

    >>> said("order-1\n2026-01-01 [info] all is well, card 4111111111111111")
    'order-1\\n2026-01-01 [info] all is well, card ***'
    """
    text = str(text)
    if is_harmless(text) and len(text) <= most:
        return text
    if len(text) <= min(_SHORT, most):
        return _said(text, most)
    # Whatever is cut off need not be looked at; a secret at the cut would not be found otherwise.
    return cut(safe(redacted(cut(text, 20 * most))), most)


def is_harmless(text: str) -> bool:
    """Whether there is nothing to look for in a text: an id, or one word.

    No card's number has so few digits. It needs no quoting anywhere, either.
    """
    return _HARMLESS.fullmatch(text) is not None


#: Texts so short are mostly said again and again.
_SHORT = 100
_HARMLESS = re.compile(r"(?:[A-Za-z_.-]*[0-9]){0,12}[A-Za-z_.-]*")


@lru_cache(maxsize=256)
def _said(text: str, most: int) -> str:
    return cut(safe(redacted(text)), most)
