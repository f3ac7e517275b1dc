"""Bad input of every kind: an error of one clear line, or a correct job; never one that is stuck.

More than 10,000 examples where CI=true or with --slow, a tenth of that on a laptop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import pytest
from conftest import CI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.adapters.bull_queue.options import job_of
from simqueue.errors import InputError, JobError
from simqueue.jobs import PAYLOADS, Job, parse_payload
from simqueue.policies import POLICIES, Outcome, QueuePolicy
from simqueue.settings import read_settings
from simqueue.workers.process import WorkerProcess

pytest.importorskip("fakeredis")

SECRET = "geheim"

Repeat = Callable[[int, st.SearchStrategy[Any], Callable[[Any], None]], None]


class Example:
    """An example that can be shown, whatever it is: Python refuses to write down some."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        try:
            return repr(self.value)[:1000]
        except (ValueError, RecursionError) as error:
            return f"<{type(self.value).__name__}: {error}>"


@pytest.fixture
def repeat(request: pytest.FixtureRequest) -> Repeat:
    """Has a check made on so many examples; on a laptop, on a tenth of them."""
    full = CI or request.config.getoption("--slow")

    def check_all(
        examples: int, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]
    ) -> None:
        chosen = settings(
            max_examples=examples if full else examples // 10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        chosen(given(strategy.map(Example))(lambda example: check(example.value)))()

    return check_all


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


def one_clear_line(error: Exception, *names: str) -> None:
    text = str(error)
    assert not names or any(name in text for name in names)
    assert text
    assert "\n" not in text
    assert len(text) < 1000, f"{len(text):,} characters"
    text.encode()  # it can be printed
    assert SECRET not in text


# What a program may pass by mistake: what JSON holds, what it does not, and what looks like it.

#: Longer than Python is willing to write down.
huge = st.sampled_from([1, -1]).map(lambda sign: sign * 10**5000)
anything_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


class Cyclic(dict[str, Any]):
    """A mapping that holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self["self"] = self


def deep() -> list[Any]:
    """A list in a list in a list..., too deep to be written."""
    found: list[Any] = []
    for _ in range(2000):
        found = [found]
    return found


strange_leaf = (
    st.sampled_from([float("nan"), float("inf"), -0.0, "\ud800", "a\nb", "\0", ""])
    | st.binary(max_size=3) | st.complex_numbers() | st.decimals() | st.datetimes()
    | st.frozensets(st.integers(), max_size=2) | st.tuples(st.integers())
    | huge | st.builds(Cyclic) | st.builds(object) | st.text() | st.builds(deep)
    | st.dictionaries(st.integers() | st.none() | st.tuples(), st.integers(), max_size=2)
)  # fmt: skip
anything = st.recursive(
    anything_json | strange_leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
good_id = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)
amount = st.decimals(0, 10**9, places=2, allow_nan=False).map(str) | st.floats() | anything
payloads = (
    st.fixed_dictionaries(
        {"order_id": good_id | anything},
        optional={"amount": amount, "extra": anything},
    )
    | st.dictionaries(st.text(), anything, max_size=4)
    | anything
)
kinds = st.sampled_from(list(PAYLOADS))
BULLS_OWN = ["wait", "active", "delayed", "meta", "id", "events", "marker", "pc", "0", "7"]
texts = (
    good_id
    | st.text(max_size=20)
    | st.sampled_from([*BULLS_OWN, "", "a:b", "a:b:c", "1" * 30, "-1", "\ud800", "x" * 10_000])
)


def build(**fields: Any) -> Job | None:
    """The job, or nothing if the model refuses it, as it should say in its own way."""
    try:
        return Job(**fields)
    except ValidationError:
        return None


async def add(adapter: BullQueueAdapter, client: Any, job: Job) -> bool:
    """Add a job; whether it was taken. If it was, the queue holds it as it is, and it can run."""
    try:
        await adapter.add(job)
    except InputError as error:
        one_clear_line(error)
        assert await client.dbsize() == 0, "refused, and yet something is stored"
        return False
    queue = adapter.queue(job.queue)
    (kept,) = await queue.getWaiting()
    assert job_of(job.queue, kept.name, kept.id, kept.data) == job
    assert await adapter.unfinished() == 1
    await client.flushall()
    return True


def check_adding(
    runner: asyncio.Runner, repeat: Repeat, examples: int, jobs: st.SearchStrategy[Job | None],
    check: Callable[[Job], object] = parse_payload,
) -> int:  # fmt: skip
    """Add jobs to an embedded queue, one by one; how many were taken."""
    connection = runner.run(connect("embedded://"))
    adapter = BullQueueAdapter(connection, check=check)
    taken = 0

    def one(job: Job | None) -> None:
        nonlocal taken
        if job is not None:
            taken += runner.run(add(adapter, connection.client, job))

    try:
        repeat(examples, jobs, one)
    finally:
        runner.run(adapter.close())
    return taken


def test_payloads_of_the_shop(runner: asyncio.Runner, repeat: Repeat) -> None:
    """Whatever is in the payload of a shop's job: refused in one line, or stored as it is."""
    jobs = st.builds(
        lambda kind, payload: build(
            queue=kind[0], name=kind[1], id="order-1", flow="order-1", payload=payload
        ),
        kinds,
        payloads,
    )
    assert check_adding(runner, repeat, 3500, jobs), "no good example: nothing was proved"


def test_payloads_of_anybody(runner: asyncio.Runner, repeat: Repeat) -> None:
    """The same where the payload is free: what JSON would change on the way is refused."""
    jobs = st.builds(
        lambda payload: build(queue="order", name="x", id="x-1", flow="x-1", payload=payload),
        st.dictionaries(st.text(), anything, max_size=4),
    )
    taken = check_adding(runner, repeat, 2000, jobs, check=lambda _: None)
    assert taken, "no good example: nothing was proved"


def test_fields_of_jobs(runner: asyncio.Runner, repeat: Repeat) -> None:
    """Ids that are BullMQ's own keys, numbers or no text at all; unknown queues and names."""
    jobs = st.builds(
        lambda kind, **fields: build(
            **{"queue": kind[0], "name": kind[1], "payload": {"order_id": "1"}} | fields
        ),
        kinds,
        id=texts | anything,
        flow=texts | anything,
        parent_id=st.none() | texts | anything,
    )
    strange = st.builds(
        lambda **fields: build(payload={"order_id": "1"}, **fields),
        queue=texts | st.sampled_from(list(POLICIES)),
        name=texts,
        id=texts,
        flow=texts,
    )
    taken = check_adding(runner, repeat, 2000, jobs)
    taken += check_adding(runner, repeat, 1000, strange, check=lambda _: None)
    assert taken, "no good example: nothing was proved"


number = (
    st.integers(-2, 10)
    | st.integers()
    | st.floats()
    | huge
    | st.sampled_from([2**31, 2**53, 2**63, 2**64, 2**70, 1e300, 5e-324, 1000, True, "3"])
)
backoff_inputs = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["fixed", "exponential"]) | anything,
        "delay_ms": number | anything,
        "jitter": st.floats(0, 1) | number,
        "max_ms": st.none() | number,
    },
)
policy_inputs = st.fixed_dictionaries(
    {},
    optional={
        "attempts": st.integers(1, 6) | number | anything,
        "backoff": backoff_inputs | anything,
        "keep_completed": number,
        "keep_failed": number,
    },
)


def policy_of(inputs: dict[str, Any]) -> QueuePolicy | None:
    try:
        return QueuePolicy(**inputs)
    except ValidationError:
        return None


def test_options_of_jobs(runner: asyncio.Runner, repeat: Repeat) -> None:
    """Any policy that our model takes gives options that BullMQ holds, or one clear line."""
    connection = runner.run(connect("embedded://"))
    taken = 0
    job = Job(queue="order", name="process-order", id="order-1", flow="order-1",
              payload={"order_id": "1"})  # fmt: skip

    async def options() -> dict[str, Any]:
        text = await connection.client.hget("bull:order:order-1", "opts")
        found: dict[str, Any] = json.loads(text)
        return found

    def one(inputs: dict[str, Any]) -> None:
        nonlocal taken
        policy = policy_of(inputs)
        if policy is None:
            return
        try:
            adapter = BullQueueAdapter(connection, {"order": policy})
            runner.run(adapter.add(job))
        except InputError as error:
            one_clear_line(error)
            assert runner.run(connection.client.dbsize()) == 0
            return
        taken += 1
        kept = runner.run(options())
        assert kept["attempts"] == policy.attempts
        backoff = kept.get("backoff", {"delay": 0})
        assert backoff["delay"] == pytest.approx(policy.backoff.delay_ms, rel=1e-12)
        assert all(0 <= wait < 1e10 for wait in policy.waits_s())
        assert runner.run(add(adapter, connection.client, job)) is not None
        runner.run(connection.client.flushall())

    repeat(2000, policy_inputs, one)
    runner.run(connection.close())
    assert taken, "no good example: nothing was proved"


class Fickle:
    """Work that fails as often as its job says, and in the way that it says."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    async def handle(self, job: Job, attempt: int) -> str:
        if attempt <= job.payload["failures"]:
            errors = [JobError("again"), ZeroDivisionError(), InputError("never"),
                      asyncio.CancelledError(), UnicodeError("\u2028\0")]  # fmt: skip
            raise errors[job.payload["how"] % len(errors)]
        return "done"

    async def give_up(self, job: Job) -> str:
        return "failed"

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        return []


#: Sound and in a hurry; but then the same with anything at all in one place or another.
quick_policy = st.fixed_dictionaries(
    {"attempts": st.integers(1, 6)},
    optional={
        "backoff": st.fixed_dictionaries(
            {"type": st.sampled_from(["fixed", "exponential"]), "delay_ms": st.floats(0, 20)},
            optional={"jitter": st.floats(0, 1), "max_ms": st.floats(0, 30)},
        ),
        "keep_completed": st.integers(0, 100),
        "keep_failed": st.integers(0, 3),
    },
)
QUEUE_NAMES = [f"q{number}" for number in range(6)]
runs = st.lists(
    st.fixed_dictionaries(
        {
            "policy": quick_policy | quick_policy | policy_inputs,
            "id": good_id.map("x-{}".format) | texts,
            "flow": texts,
            "payload": st.dictionaries(
                st.text(), anything_json | anything_json | anything, max_size=2
            ),
            "failures": st.integers(0, 6),
            "how": st.integers(0, 4),
        }
    ),
    min_size=len(QUEUE_NAMES),
    max_size=len(QUEUE_NAMES),
)


def test_what_is_accepted_runs_to_its_end(runner: asyncio.Runner, repeat: Repeat) -> None:
    """No accepted job is stuck: it completes, fails for good, or waits for its long backoff."""
    ran = 0

    async def batch(examples: list[dict[str, Any]]) -> None:
        nonlocal ran
        connection = await connect("embedded://")
        accepted: dict[str, QueuePolicy] = {}
        for name, example in zip(QUEUE_NAMES, examples, strict=False):
            policy = policy_of(example["policy"])
            if policy is None or policy.attempts > 6:
                continue
            payload = {
                **example["payload"], "failures": example["failures"], "how": example["how"]
            }  # fmt: skip
            job = build(
                queue=name, name="x", id=example["id"], flow=example["flow"], payload=payload
            )
            with suppress(InputError):
                adapter = BullQueueAdapter(connection, {name: policy}, check=lambda _: None)
                if job is not None:
                    await adapter.add(job)
                    accepted[name] = policy
        adapter = BullQueueAdapter(connection, accepted, check=lambda _: None)
        worker = WorkerProcess(
            connection, adapter, Fickle(), queues=list(accepted), policies=accepted, name="w"
        )
        await worker.start()
        try:
            async with asyncio.timeout(100):
                for name in accepted:
                    while not await settled(adapter, name):
                        await asyncio.sleep(0.005)
        finally:
            await worker.stop(grace_s=1)
            await adapter.close()
        ran += len(accepted)

    repeat(150, runs, lambda examples: runner.run(batch(examples)))
    assert ran, "no good example: nothing was proved"


async def settled(adapter: BullQueueAdapter, name: str) -> bool:
    """Whether a queue's only job has ended, or is to wait for more than a second."""
    counts = await adapter.queue(name).getJobCounts("waiting", "active", "delayed")
    if not any(counts.values()):
        return True
    delayed = await adapter.queue(name).getDelayed()
    return bool(delayed) and delayed[0].delay > 1000


# What a person may write into the environment.

line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)
hosts = line | st.sampled_from(["localhost", "127.0.0.1", "[::1]", "[::1", "h:x", "h:99999", "a b"])
SCHEMES = ["redis://", "rediss://", "unix://", "embedded://"]
OTHERS = ["smtp://", "http://", "postgresql://", "sqlite://", "redis:", "redis:/", "REDIS://"]


def urls(schemes: Sequence[str]) -> st.SearchStrategy[str]:
    """What looks like a URL, more or less; some with a password in the right place, or a wrong."""
    return st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(schemes),
        st.sampled_from(["", "shop@", f":{SECRET}@", f"shop:{SECRET}@", f"a:b@{SECRET}@",
                         f":{SECRET}/x@", f":{SECRET}#x@", f":{SECRET}?x@", f":%{SECRET}@"]),
        hosts,
        st.sampled_from(["", "/0", "/x", ":6379", ":6379/1", "/-1", "//"]),
        st.sampled_from(["", "?db=x", "?db=1", "?socket_timeout=x", "?nonsense=1", "#f",
                         f"?password={SECRET}", "?health_check_interval=-1", "?protocol=9"]),
    )  # fmt: skip


any_url = line | urls([*SCHEMES, *OTHERS])
VARIABLES = {
    "WORKER_MODE": st.sampled_from(["bull-queue", "none", "Bull-Queue", " none"]) | line,
    "WORKER_TYPE": st.sampled_from(["all", "order", "orders"]) | line,
    "WORKER_CONCURRENCY": st.integers().map(str) | st.floats().map(str) | line,
    "QUEUE_REDIS_URL": any_url,
    "DATABASE_URL": any_url,
    "SMTP_URL": any_url,
}


def test_environment_values(monkeypatch: pytest.MonkeyPatch, repeat: Repeat) -> None:
    """Every variable, whatever is in it: settings, or one line that shows no password."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def one(values: dict[str, str]) -> None:
        with monkeypatch.context() as environment:
            for name, value in values.items():
                environment.setenv(name, value)
            try:
                found = read_settings()
            except InputError as error:
                one_clear_line(error, *values)
            else:
                assert 1 <= found.worker_concurrency <= 10_000
                assert SECRET not in repr(found)

    repeat(2000, st.fixed_dictionaries({}, optional=VARIABLES), one)


def test_urls_of_redis(
    monkeypatch: pytest.MonkeyPatch, runner: asyncio.Runner, repeat: Repeat
) -> None:
    """Anything for a QUEUE_REDIS_URL, where no server answers: one line, no password, no wait."""

    async def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ConnectionRefusedError(111, "nobody there")

    async def no_wait(_: float) -> None:
        return None

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    monkeypatch.setattr(asyncio, "open_unix_connection", refuse)
    monkeypatch.setattr("redis.asyncio.retry.sleep", no_wait)

    async def one(url: str) -> None:
        try:
            connection = await connect(url)
        except InputError as error:
            one_clear_line(error, "QUEUE_REDIS_URL")
        else:
            assert url.startswith("embedded://")
            assert SECRET not in connection.url
            await connection.close()

    repeat(1500, urls(SCHEMES), lambda url: runner.run(one(url)))
