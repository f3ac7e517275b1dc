"""A log's lines: nobody's text forges, garbles or floods them; tracebacks hold no secrets."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable
from datetime import datetime
from enum import IntEnum

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from simqueue.cli.log_lines import FewTimesAMinute, JSONLines, add_extra, fit_to_be_logged
from simqueue.cli.logs import configure_logging
from simqueue.safe_text import cut, redacted, safe, said

#: A logger that pytest does not know: it cannot keep what no encoding can write.
log = logging.Logger("simqueue.worker")

FORGED = "2026-11-26T11:00:00Z [info     ] all is well"
#: Ids that some client gave its jobs.
HOSTILE = (
    f"order-1\n{FORGED}",
    f"order-1\r{FORGED}",
    f"order-1\x1b[2K\x1b[1G{FORGED}",
    f"order-1\u2028{FORGED}",
    f"order-1\x85{FORGED}",
    f"order-1\x0b{FORGED}",
    "order-\ud800",
    "order-\u202e1",
    "\x00",
)


def strictly(line: str) -> dict[str, object]:
    """An object of JSON, as other languages read it: no NaN, and no key twice."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), line
        return dict(pairs)

    found: dict[str, object] = json.loads(line, parse_constant=refuse, object_pairs_hook=once)
    return found


@pytest.fixture(params=["words", "json"])
def lines(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """What was logged so far; half of an emoji cannot be written to this stream."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(as_json=request.param == "json")
    log.handlers = logging.getLogger("simqueue").handlers[:1]

    def so_far() -> list[str]:
        stream.flush()
        text: str = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
        found = text.splitlines()
        if request.param == "json":
            for line in found:
                strictly(line)
        return found

    return so_far


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_id_makes_no_lines_of_its_own(hostile: str, lines: Callable[[], list[str]]) -> None:
    log.info("job started", extra={"queue": "order", "job_id": hostile, "attempt": 1})
    log.warning("job refused", extra={"error": f"job {hostile}: no"})
    log.error("relay: the queue refuses %s; set aside", hostile)

    found = lines()
    assert len(found) == 3
    assert not any(line.startswith(FORGED) for line in found)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(found))


@pytest.mark.parametrize(
    "value", ["x" * 100_000, ["x" * 100_000], {"x": "x" * 100_000}, b"x" * 99_999]
)
def test_a_value_of_any_length_is_a_short_line(
    value: object, lines: Callable[[], list[str]]
) -> None:
    log.info("job started", extra={"job_id": value})
    log.info("%s", value)
    found = lines()
    assert len(found) == 2
    assert max(map(len, found)) < 1500
    assert "more]" in found[0]


CARD, PASSWORD = "4111 1111 1111 1111", "geheim"


def charge(card: str, password: str) -> None:
    pocket = {"number": card, "password": password}
    raise ValueError(f"cannot charge {len(pocket)}\n{FORGED}")


def test_a_traceback_says_where_and_not_what(lines: Callable[[], list[str]]) -> None:
    try:
        charge(CARD, PASSWORD)
    except ValueError as error:
        log.exception("it broke")
        log.error("again", exc_info=error)
        log.error("and again", exc_info=(type(error), error, error.__traceback__))

    found = lines()
    text = "\n".join(found)
    assert text.count("in charge") == 3
    assert text.count("cannot charge 2") == 3
    assert "traceback object" not in text
    assert PASSWORD not in text
    assert CARD not in text
    assert not any(line.startswith(FORGED) for line in found)


def test_a_secret_in_an_error_is_not_logged(lines: Callable[[], list[str]]) -> None:
    for text in (
        "cannot reach redis://me:geheim@cache/0",
        "payload: {'card': '4111111111111111', 'password': 'geheim'}",
        "Authorization: Bearer geheimgeheim",
    ):
        log.warning("trouble with the queue", extra={"error": text})
        log.warning(text)
    said = "\n".join(lines())
    assert "geheim" not in said
    assert "4111" not in said


@pytest.mark.parametrize(
    "name",
    ["password", "passwd", "PWD", "passphrase", "client_secret", "token", "access_token",
     "api_key", "apiKey", "Authorization"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["geheim", 5318008, 0.5318008, ["geheim", 5318008], b"geheim"])
def test_a_value_whose_name_says_that_it_is_secret_is_not_logged(
    name: str, value: object, lines: Callable[[], list[str]]
) -> None:
    log.info("logged in", extra={"user": "ada", name: value})
    (line,) = lines()
    assert "ada" in line
    assert name in line
    assert "***" in line
    assert "geheim" not in line
    assert "5318008" not in line


class Kind(IntEnum):
    """A number that is somebody's own class."""

    VISA = 4111111111111111


@pytest.mark.parametrize(
    "card",
    [4111111111111111, -4111111111111111, 4111111111111111.0, 378282246310005, Kind.VISA,
     np.int64(4111111111111111), np.float64(4111111111111111.0), {"card": 4111111111111111}],
)  # fmt: skip
def test_a_cards_number_is_not_logged_though_it_be_a_number(
    card: object, lines: Callable[[], list[str]]
) -> None:
    log.info("charged", extra={"card": card})
    log.info("charged %s", card)
    found = lines()
    assert all("***" in line for line in found)
    assert not any(re.search("4111111|3782822|VISA", line) for line in found)


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), np.float64("nan"), np.float32("inf")]
)
def test_what_is_no_number_is_a_text(number: float, lines: Callable[[], list[str]]) -> None:
    log.info("done", extra={"wait_s": number})
    (line,) = lines()
    assert str(number) in line


def test_what_every_line_has_is_the_records_own(lines: Callable[[], list[str]]) -> None:
    names = ["event", "level", "level_", "timestamp", "exception", "stack"]
    log.info("job started", extra={name: f"another-{name}\n{FORGED}" for name in names})
    (line,) = lines()
    assert "job started" in line
    assert "info" in line
    assert all(f"another-{name}\\n" in line.replace("\\\\", "\\") for name in names)
    if line.startswith("{"):
        document = strictly(line)
        assert document["event"] == "job started"
        assert document["level"] == "info"
        assert datetime.fromisoformat(str(document["timestamp"]))
        assert str(document["level_"]).startswith("another-level\\n")


class Silent:
    """Has nothing to say."""

    def __str__(self) -> str:
        raise RuntimeError("not today")

    __repr__ = __str__


@pytest.mark.parametrize(
    "value",
    [Silent(), [Silent()], 10**5000, [10**5000], 10**2000],
    ids=["silent", "one of a list", "5,000 digits", "a list of 5,000 digits", "2,000 digits"],
)
@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_a_value_that_cannot_be_said_loses_no_line(
    value: object, level: int, lines: Callable[[], list[str]]
) -> None:
    log.log(level, "job started", extra={"queue": "order", "job_id": value})
    log.log(level, "job %s started", value, extra={"queue": "order"})
    log.log(level, "job %d of %d started", 1, extra={"queue": "order"})
    found = lines()
    assert len(found) == 3
    assert all("order" in line and "started" in line for line in found)
    assert max(map(len, found)) < 1500


def test_a_librarys_message_that_cannot_be_said_loses_no_line(
    lines: Callable[[], list[str]],
) -> None:
    library = logging.Logger("asyncio")
    library.handlers = log.handlers
    library.error(Silent())
    (line,) = lines()
    assert "RuntimeError" in line


def test_what_libraries_say_is_a_line_too(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("asyncio", "redis", "uvicorn.error", "py.warnings"):
        # A server that some other test ran in this process has quietened its own.
        monkeypatch.setattr(logging.getLogger(name.partition(".")[0]), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
        logging.getLogger(name).warning("something is wrong\nwith %s", name)
    found = lines()
    assert len(found) == 4
    assert all("something is wrong" in line for line in found)


@pytest.mark.parametrize("name", ["asyncio", "redis.connection", "simqueue.relay"])
def test_the_same_trouble_does_not_fill_a_disk(name: str, lines: Callable[[], list[str]]) -> None:
    logger = logging.getLogger(name)
    for number in range(1000):
        # A library fills numbers in; our own line is about the same thing each time.
        if name.startswith("simqueue"):
            logger.error("too many open files", extra={"queue": "order"})
        else:
            logger.error("accept: too many open files: %d", number)
    assert 1 <= len(lines()) <= 5


def test_two_texts_that_take_turns_do_not_fill_a_disk(lines: Callable[[], list[str]]) -> None:
    for _ in range(1000):
        for text in ("READONLY You can't write against a read only replica", "no connection"):
            log.warning("trouble with the queue", extra={"queue": "order", "error": text})
    assert len(lines()) <= 6


def test_news_are_never_held_back(lines: Callable[[], list[str]]) -> None:
    for _ in range(20):
        log.info("job started", extra={"job_id": "order-1", "attempt": 1})
    for number in range(20):
        log.warning("job stalled, put back", extra={"job_id": f"order-{number}"})
    assert len(lines()) == 40


def test_what_was_held_back_is_counted_and_said() -> None:
    now = 0.0
    few = FewTimesAMinute("simqueue", now=lambda: now)

    def passes() -> logging.LogRecord | None:
        record = log.makeRecord("simqueue", logging.ERROR, "f", 1, "full", (), None)
        return record if few.filter(record) else None

    assert sum(passes() is not None for _ in range(500)) == 3
    now = 59.0
    assert passes() is None
    now = 61.0
    record = passes()
    assert record is not None
    assert record.unsaid == 498  # type: ignore[attr-defined]
    now = 200.0
    record = passes()
    assert record is not None
    assert not hasattr(record, "unsaid")


KEYS = st.sampled_from(
    ["queue", "job_id", "attempt", "result", "duration_s", "error", "unsaid", "level", "token"]
)
VALUES = st.one_of(
    st.text(), st.from_regex(r"[a-z0-9_.-]{0,20}"), st.integers(), st.floats(), st.booleans(),
    st.none(), st.lists(st.text(max_size=5), max_size=3), st.just("redis://me:geheim@cache/0"),
    st.from_regex(r"4[0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", fullmatch=True),
)  # fmt: skip


@given(
    text=st.text() | st.sampled_from(["job started", "basic geheimgeheim", "token=geheim"]),
    extra=st.dictionaries(KEYS, VALUES),
    level=st.sampled_from([logging.INFO, logging.WARNING, logging.ERROR]),
    failed=st.booleans(),
)
def test_a_line_of_json_is_what_structlog_would_write(
    text: str, extra: dict[str, object], level: int, *, failed: bool
) -> None:
    trouble = None
    if failed:
        try:
            charge(CARD, PASSWORD)
        except ValueError as error:
            trouble = (type(error), error, error.__traceback__)
    record = log.makeRecord("simqueue.worker", level, "f", 1, "%s", (text,), trouble, extra=extra)
    structlogs = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            add_extra,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            fit_to_be_logged,
            structlog.processors.JSONRenderer(),
        ],
    )

    def without_time(line: str) -> str:
        changed, times = re.subn(r'("timestamp": ")[-0-9T:.]+Z"', r'\1"', line)
        assert times == 1
        return changed

    line = JSONLines().format(record)
    strictly(line)
    assert without_time(line) == without_time(structlogs.format(record))


@given(st.text(alphabet="basic BEARER-0189_.", max_size=130), st.sampled_from([5, 50, 1000]))
def test_what_is_harmless_is_told_apart_fast_and_rightly(text: str, most: int) -> None:
    assert said(text, most) == cut(safe(redacted(text)), most)
