"""Input that nobody would type on purpose, made from a seed, and what must be true of any answer.

``python tests/chaos/fuzzing.py [NUMBER] [SEED]`` runs many; the suite runs some.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from simqueue.cli import run

SECRET = "geheim"
#: A run that takes longer is interrupted, as a person would do it, seconds.
_PATIENCE_S = 10
_LONGEST_LINE = 2100

NASTY = (
    *("", " ", "\t", "\n", "\r\n", "\x00", "\x1b[2J\x1b[31m", "\x9b", "\u202e", "\ufeff", "\udcff"),
    *("é", "𝟜", "٣", "🙂", "ﬁ", "a\nerror: forged", "%s%n{}{0}", "'\"`$(x)", "../../x", "a" * 300),
    *("x" * 200_000, "9" * 5000, "-" + "9" * 30, "1e400", "1e-320", "-0.0", "nan", "-inf", "inf"),
    *(
        "0",
        "-1",
        "1e-200",
        "1e300",
        "2",
        "0x10",
        "1_000",
        "1,5",
        "true",
        "null",
        "None",
        "[]",
        "{}",
    ),
    *("[" * 3000, "{a=" * 3000, '"' * 3, "a.b.c", '"a b".c', "=", "[[x]]", "2011-11-17T09:15", ","),
    *("4111 1111 1111 1111", f"password={SECRET}"),
)


@dataclass
class Case:
    """A command and its surroundings.

    Attributes
    ----------
    kind
        What is fuzzed.
    arguments
        Of the command line.
    variables
        Of the environment, beside a bare one.
    files
        In the working folder, by their names.
    """

    kind: str
    arguments: list[str]
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Answer:
    """What came of a case: the exit code and the two outputs."""

    code: int
    out: str
    err: str
    late: bool


def nasty(draw: random.Random) -> str:
    """A text that a reader may trip over."""
    text = draw.choice(NASTY)
    return text if draw.random() < 0.8 else text + draw.choice(NASTY)[:1000]


# ---- order files

_ORDERS = """order_id,placed_at,customer_id,country,sku,quantity,unit_price
1,2011-11-17T09:15,17850,United Kingdom,22423,1,12.75
1,2011-11-17T09:15,17850,United Kingdom,21669,12,1.25
2,2011-11-17T09:16,,France,22796,2,9.95
3,2011-11-17T09:20,12583,France,48116,2,7.95
"""


def an_order_file(draw: random.Random) -> Case:
    """An order file with a few things wrong."""
    rows = [line.split(",") for line in _ORDERS.splitlines()]
    for _ in range(draw.choice([0, 1, 1, 1, 2, 5])):
        row = draw.choice(rows)
        place = draw.randrange(len(row)) if row else 0
        how = draw.randrange(5)
        if how <= 1 and row:
            row[place] = nasty(draw)
        elif how == 2 and row:
            del row[place]
        elif how == 3:
            row.insert(place, nasty(draw))
        elif how == 4:
            rows.insert(draw.randrange(len(rows)), list(row))
    text = "\n".join(",".join(row) for row in rows)
    return _file(draw, "orders", text, "orders.csv", ["replay", "orders.csv"], WORKER_MODE="none")


# ---- scenarios

_SCENARIO = """name = "small"
seed = 5
duration_s = 5
warmup_s = 0
mode = "bull-queue"
[workers]
count = 2
concurrency = 3
crashes = [{ at_s = 2, worker = 0, down_s = 1 }]
[arrivals.order]
rate_per_s = 2
[arrivals.payment]
follows = "order"
think = { distribution = "exponential", mean_s = 1 }
[queues.order]
attempts = 3
backoff = { type = "exponential", delay_ms = 200, jitter = 0.5 }
service = { distribution = "lognormal", mean_s = 0.2, cv = 1.2 }
cpu = { distribution = "constant", mean_s = 0.002 }
failure_rate = 0.1
outages = [[1, 2]]
[queues.payment]
service = { distribution = "gamma", mean_s = 0.2, cv = 0.5 }
[queues.email]
service = { distribution = "uniform", low_s = 0.1, high_s = 0.2 }
"""
_TOML = (
    *('"x"', "1", "-1", "0", "1e-200", "1e300", "nan", "inf", "true", "[]", "{}", "[[1, 2]]"),
    *("2011-11-17", "9" * 400, "9" * 5000, "[" * 3000, '"""', "{ a = 1 }", "[1, 'a']", '"\\u0000"'),
)


def a_scenario(draw: random.Random) -> Case:
    """A scenario with a few things wrong."""
    lines = _SCENARIO.splitlines()
    for _ in range(draw.choice([0, 1, 1, 1, 2, 4])):
        number = draw.randrange(len(lines))
        how = draw.randrange(6)
        if how <= 2:
            lines[number] = re.sub(
                r"(?<== )[^ ,}\]]+", lambda _: draw.choice(_TOML), lines[number], count=1
            )
        elif how == 3:
            lines[number] = lines[number].replace(
                draw.choice(["=", "_s", "order", "count", "rate_per_s"]), nasty(draw)[:500]
            )
        elif how == 4:
            lines.insert(number, f"{draw.choice(['name', 'x', 'seed'])} = {draw.choice(_TOML)}")
        else:
            del lines[number]
    return _file(draw, "scenarios", "\n".join(lines), "s.toml", ["simulate", "s.toml"])


_KEYS = (
    *("workers.count", "workers.concurrency", "seed", "duration_s", "warmup_s", "mode", "name"),
    *("queues.order.attempts", "queues.order.service", "queues.order.service.cv"),
    *("queues.order.backoff.delay_ms", "queues.order.backoff.jitter", "queues.order.outages"),
    *("arrivals.order.rate_per_s", "arrivals.payment.think", "queues.order.follow_up"),
    *("workers.crashes", "bullmq.lock_duration_s", "caller.concurrency", "arrivals.order.trace"),
)


def a_setting(draw: random.Random) -> Case:
    """A scenario that is right, and options that are not."""
    arguments = ["simulate", "s.toml"]
    for _ in range(draw.choice([1, 1, 2])):
        value = draw.choice([nasty(draw), draw.choice(_TOML)])[:100_000]
        key = draw.choice([*_KEYS, *_KEYS, nasty(draw)[:200]])
        option = draw.choice(["--set"] * 8 + ["--workers", "--seed", "--arrivals", "--duration",
                                              "--warmup", "--mode", "--replications"])  # fmt: skip
        said = f"{key}={value}" if option == "--set" else value
        arguments += [option, said.replace("\x00", "")]
    return Case("settings", arguments, files={"s.toml": _SCENARIO.encode()})


# ---- the environment

_PLACES = ("127.0.0.1:1", "localhost:1", "[::1]:1", "", "a..b:1", "127.0.0.1:99999", "127.0.0.1:x",
           "\udcff:1", "[::", "127.0.0.1:1/0", "127.0.0.1:1/x", "/", "/nowhere/x.sock")  # fmt: skip
_PUBLIC = ("db", "timeout", "protocol", "client_name", "sslmode", "connect_timeout", "uri", "host",
           "application_name", "max_connections", "ssl_ca_certs")  # fmt: skip
_OPTIONS = ("password", "PASSWORD", "pass%77ord", "ssl_password", "sslpassword", "username",
            "credential_provider", "retry", "encoding", "parser_class", "check_same_thread",
            "options", "x", "")  # fmt: skip


def a_url(draw: random.Random) -> str:
    """A URL of a server that is not there, with secrets wherever there is a place."""
    scheme = draw.choice(["redis", "rediss", "unix", "smtp", "smtps", "postgresql", "sqlite",
                          "postgres", "mysql", "embedded", "REDIS", "http", "", "x y"])  # fmt: skip
    sign = draw.choice(["", "", "/", "?", "#", "@", ":", "%", "%zz", "%2F", " ", "\n", "\x1b", "é"])
    login = draw.choice(["", f"me:{SECRET}{sign}@", f":{sign}{SECRET}@"])
    values = ["1", "-1", "nan", "", "abc", "%00", "a b"]
    options = "&".join(
        draw.choice(
            [
                f"{draw.choice(_OPTIONS)}={draw.choice([SECRET, *values])}",
                f"{draw.choice(_PUBLIC)}={draw.choice(values)}",
            ]
        )
        for _ in range(draw.choice([0, 0, 1, 2]))
    )
    return draw.choice(["{}://{}{}{}", "{}://{}{}{}", "{}:{}{}{}", "{}//{}{}{}"]).format(
        scheme, login, draw.choice(_PLACES), draw.choice(["?", "?", "#", ";"]) + options
    )


def an_environment(draw: random.Random) -> Case:
    """Variables that are wrong, and commands that read them."""
    variables = {"WORKER_MODE": draw.choice(["in-process", "bull-queue", "none", "bull-queue"])}
    for name in ("QUEUE_REDIS_URL", "DATABASE_URL", "SMTP_URL"):
        if draw.random() < 0.6:
            variables[name] = a_url(draw)
    for name in ("WORKER_MODE", "WORKER_TYPE", "WORKER_CONCURRENCY", "SIMQUEUE_TOKEN", "COLUMNS",
                 "NO_COLOR", "TERM"):  # fmt: skip
        if draw.random() < 0.15:
            variables[name] = nasty(draw)
    command = draw.choice(["stats", "worker", "replay orders.csv", "failed list", "failed show x",
                           "failed retry --all --yes", "stats --json", "validate --duration 1",
                           "serve --port 0", "backoff"])  # fmt: skip
    arguments = command.split()
    if command.startswith("validate"):
        arguments += ["--redis", a_url(draw)]
    usable = {
        name: value[:50_000]
        for name, value in variables.items()
        if "\x00" not in value and value.isprintable() | ("\udcff" in value) | (value != "")
    }
    return Case("environment", arguments, usable, {"orders.csv": _ORDERS.encode()})


# ---- jobs of strangers


def a_strangers_job(draw: random.Random, server: redis.Redis) -> Case:
    """A failed job as some other program, or a bug of one, may have left it in Redis."""
    server.flushdb()
    job_id = draw.choice(["1", "order-1", ".", "..", "a/b", "a b", "ü", *NASTY])[:100_000] or "0"
    raw = job_id.encode(errors="surrogateescape")
    fields: dict[bytes, bytes] = {}
    for name in ("name", "data", "opts", "failedReason", "stacktrace", "timestamp", "finishedOn",
                 "processedOn", "atm", "attemptsMade", "progress"):  # fmt: skip
        if draw.random() < 0.8:
            fields[name.encode()] = a_value(draw)
    key = b"bull:order:" + raw
    if fields and draw.random() < 0.95:
        server.hset(key, mapping=fields)  # type: ignore[arg-type]
    for _ in range(draw.choice([0, 0, 1])):
        server.rpush(key + b":logs", a_value(draw))
    server.zadd("bull:order:failed", {raw: draw.choice([0, 1.7e12, -1, 1e300])})
    command = draw.choice(["show", "show", "list", "list --json", "show --json", "retry", "stats",
                           "remove --yes"]).split()  # fmt: skip
    if command == ["stats"]:
        return Case("strangers", ["stats"])
    shown = job_id.replace("\x00", "")
    ids = [] if command[0] == "list" else ["--", shown]
    return Case("strangers", ["failed", *command, "--queue", "order", *ids])


def a_value(draw: random.Random) -> bytes:
    """Something that a field of a job may hold."""
    if draw.random() < 0.3:
        return draw.choice([b"\xff\xfe", b"\xed\xa0\x80", b"[" * 3000 + b"]" * 3000, b"1" * 5000,
                            b'"\\ud800"', b'{"a": "\\ud800\\u001b[2J"}', b"NaN", b"1e999", b"{",
                            b'["\\ud83d"]', b"1764150000000", b'{"attempts": "x"}',
                            b'{"attempts": 1e400, "lifo": []}', b'{"attempts": {}}'])  # fmt: skip
    text = draw.choice([nasty(draw), json.dumps({"order_id": nasty(draw)[:1000]}), json.dumps([1])])
    return text.encode(errors="surrogateescape")


def _file(
    draw: random.Random, kind: str, text: str, name: str, arguments: list[str], **variables: str
) -> Case:
    encoding = draw.choice(["utf-8"] * 8 + ["utf-16", "latin-1", "utf-8-sig"])
    data = bytearray(text.encode(encoding, errors="replace"))
    if draw.random() < 0.15:
        for _ in range(draw.randrange(1, 5)):
            place = draw.randrange(len(data) + 1)
            data[place:place] = bytes(draw.choices(range(256), k=draw.randrange(1, 4)))
    if draw.random() < 0.05:
        del data[draw.randrange(len(data) + 1) :]
    return Case(kind, arguments, dict(variables), {name: bytes(data)})


# ---- running them


def cases(kind: str, draw: random.Random, server: redis.Redis | None = None) -> Iterator[Case]:
    """Cases of a kind, without end."""
    makers: dict[str, Callable[[random.Random], Case]] = {
        "orders": an_order_file,
        "scenarios": a_scenario,
        "settings": a_setting,
        "environment": an_environment,
    }
    while True:
        if kind == "strangers":
            assert server is not None
            yield a_strangers_job(draw, server)
        else:
            yield makers[kind](draw)


KINDS = ("orders", "scenarios", "settings", "environment", "strangers")
_OURS = ("WORKER_MODE", "WORKER_TYPE", "WORKER_CONCURRENCY", "QUEUE_REDIS_URL", "DATABASE_URL",
         "SMTP_URL", "SIMQUEUE_TOKEN")  # fmt: skip


def answer(case: Case, folder: Path, redis_url: str = "") -> Answer:
    """Run a case in this process, in ``folder``."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    before, here = dict(os.environ), Path.cwd()
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="latin-1") for _ in range(2))
    late = False

    def too_late(*_: Any) -> None:
        nonlocal late
        late = True
        raise KeyboardInterrupt

    alarm = signal.signal(signal.SIGALRM, too_late)
    try:
        for name in _OURS:
            os.environ.pop(name, None)
        os.environ["DATABASE_URL"] = "sqlite://"
        if redis_url:
            os.environ["QUEUE_REDIS_URL"] = redis_url
        os.environ.update(case.variables)
        os.chdir(folder)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = run(case.arguments)
            except Exception as error:
                code = -1
                err.write(ascii(f"Traceback: {error!r}"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("latin-1"))  # type: ignore[attr-defined]
    return Answer(code, *texts, late)


def complaints(case: Case, found: Answer) -> list[str]:
    """What is wrong with an answer: nothing, or the input must be refused in one line."""
    wrong = []
    both = found.out + found.err
    lines = found.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if "Traceback" in both:
        wrong.append("a traceback")
    if "this is a bug" in both:
        wrong.append("an error that nobody foresaw")
    # On a busy machine a figure of validate's is out of tolerance: code 1, and no refusal.
    may_differ = "validate" in case.arguments
    # A job that Redis does not let go of is nobody's input.
    fine = (0, 1, 2) if case.kind == "strangers" or may_differ else (0, 2)
    if found.code not in fine and not (found.late and found.code == 130):
        wrong.append(f"exit code {found.code}")
    refused = found.code == 2 or (found.code == 1 and not may_differ)
    if refused and len(errors) != 1:
        wrong.append(f"{len(errors)} lines of errors")
    if found.code == 2 and found.out and case.kind != "strangers":
        wrong.append("something on standard output beside an error")
    if any(len(line) > _LONGEST_LINE for line in lines):
        wrong.append("a line that is too long")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", found.err):
        wrong.append("a control character")
    if case.kind == "environment" and SECRET in both:
        wrong.append("a secret")
    return wrong


def fuzz(
    kind: str, number: int, seed: int, folder: Path, server: redis.Redis | None = None,
    redis_url: str = "",
) -> tuple[Counter[int], list[str]]:  # fmt: skip
    """Run so many cases: how they ended, and what was wrong."""
    codes: Counter[int] = Counter()
    wrong = []
    made = cases(kind, random.Random(f"{kind} {seed}"), server)
    for i in range(number):
        case = next(made)
        found = answer(case, folder, redis_url if kind == "strangers" else "")
        codes[found.code] += 1
        if faults := complaints(case, found):
            wrong.append(
                f"{kind}, seed {seed}, case {i}: {', '.join(faults)}: "
                f"{ascii(case.arguments)[:300]} {ascii(case.variables)[:300]} "
                f"{ascii(case.files)[:1500]}\n  {found.code} {found.err[-600:]!a}"
            )
    return codes, wrong


def main(number: int = 5000, seed: int = 1) -> int:
    """Run ``number`` cases, a fifth of each kind, and print what came of them."""
    from redis_servers import RedisServer

    server = RedisServer()
    bad = 0
    try:
        with tempfile.TemporaryDirectory() as folder, redis.Redis(port=server.port) as client:
            for kind in KINDS:
                codes, wrong = fuzz(
                    kind, number // len(KINDS), seed, Path(folder), client, server.url
                )
                print(f"{kind}: seed {seed}, {codes.total():,} inputs, exit codes {dict(codes)}, "
                      f"{len(wrong)} wrong", flush=True)  # fmt: skip
                for line in wrong[:12]:
                    print(" ", line, flush=True)
                bad += len(wrong)
    finally:
        server.stop()
    return int(bad > 0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    import redis.backoff

    redis.backoff.ExponentialBackoff.compute = lambda *_: 0.0  # type: ignore[method-assign]
    sys.exit(main(*map(int, sys.argv[1:])))
