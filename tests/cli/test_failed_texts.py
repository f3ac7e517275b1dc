"""Failed jobs whose texts no terminal can write, or no reader can take, are shown all the same."""

import contextlib
import io

import pytest
import redis

from simqueue.cli import run

#: Fields of a job's hash, as other programs and cut-off emoji leave them.
FIELDS: dict[str, dict[str, bytes]] = {
    "half an emoji": {"data": b'{"to": "\\ud83d"}', "failedReason": b"no"},
    "half an emoji in the stack trace": {"stacktrace": b'["Error: \\ude00\\u001b[2J"]'},
    "a name that is not UTF-8": {"name": b"caf\xe9", "failedReason": b"\xff\xfe"},
    "surrogates as bytes": {"failedReason": b"\xed\xa0\xbd", "data": b'"\xed\xb8\x80"'},
    "nested too deep": {"data": b"[" * 5000 + b"]" * 5000, "opts": b'{"a":' * 2000},
    "no numbers": {"timestamp": b"nan", "finishedOn": b"inf", "atm": b"1e999"},
    "times that no calendar has": {"timestamp": b"1e300", "finishedOn": b"-1e18"},
    "too many digits": {"data": b"1" * 10_000, "opts": b'{"attempts": ' + b"9" * 400 + b"}"},
    "nothing": {"opts": b"null"},
}


@pytest.mark.parametrize("command", ["list", "show", "list --json", "show --json", "retry"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("kind", list(FIELDS))
def test_any_text_is_shown(
    kind: str, encoding: str, command: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.hset("bull:order:j", mapping=FIELDS[kind])  # type: ignore[arg-type]
        client.zadd("bull:order:failed", {"j": 1})
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    verb, *more = command.split()
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["failed", verb, *([] if verb == "list" else ["j"]), *more])
    for stream in (out, err):
        stream.flush()

    said = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert err.buffer.getvalue() == b""  # type: ignore[attr-defined]
    assert code == 0
    assert "j" in said or verb == "retry"
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "job_id", [b"caf\xe9", b"\xed\xa0\xbd", b"a\nb", b"\x1b[2J", b"x" * 100_000]
)
def test_any_id_is_retried_and_removed(
    job_id: bytes, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    given = job_id.decode(errors="surrogateescape")
    with redis.Redis.from_url(redis_url) as client:
        for verb in ("retry", "remove"):
            client.hset(b"bull:order:" + job_id, "name", "n")
            client.zadd("bull:order:failed", {job_id: 1})
            assert run(["failed", verb, "--yes", "--", given]) == 0
            assert client.zcard("bull:order:failed") == 0
