"""``simqueue failed``: list, show, retry, remove."""

import asyncio
import io
import json
from typing import Any

import pytest
import redis
from bullmq import Job, Queue, Worker

from simqueue.adapters.bull_queue import connect
from simqueue.cli import run


async def fail(job: Job, token: str) -> None:
    raise RuntimeError(f"no route to {job.data['to']}\n\x1b[2Jgone")


@pytest.fixture(autouse=True)
def filled(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Failed: a and b of order, b of email, c of a stranger's video."""

    async def fill() -> None:
        for prefix, name, ids in (("bull", "order", "ab"), ("bull", "email", "b"),
                                  ("theirs", "video", "c")):  # fmt: skip
            connection = await connect(redis_url, prefix)
            queue = Queue(name, connection.options())
            worker = Worker(name, fail, {**connection.options(), "autorun": False})
            for job_id in ids:
                await queue.add("send", {"to": f"{job_id}@example.org"}, {"jobId": job_id})
                await worker.processJob(await worker.getNextJob("0:t"), "0:t")
            await connection.close()

    asyncio.run(fill())
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    return redis_url


Capture = pytest.CaptureFixture[str]


def listed(capsys: Capture, *arguments: str) -> list[tuple[str, str]]:
    assert run(["failed", "list", "--json", *arguments]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["kept"] == len(said["failed"])
    return [(job["queue"], job["id"]) for job in said["failed"]]


THEIRS = ("--queue", "video", "--prefix", "theirs")


def test_the_list_names_what_failed_and_why(capsys: Capture) -> None:
    assert listed(capsys) == [("order", "b"), ("order", "a"), ("email", "b")]
    assert listed(capsys, *THEIRS) == [("video", "c")]

    assert run(["failed", "list"]) == 0
    said = capsys.readouterr().out
    assert "no route to a@example.org" in said
    assert "\x1b[2J" not in said
    assert run(["failed", "list", "--limit", "1"]) == 0
    assert "2 of 3; --limit shows more" in capsys.readouterr().out


def test_all_of_a_job_is_shown(capsys: Capture) -> None:
    assert run(["failed", "show", "c", *THEIRS]) == 0
    said = capsys.readouterr().out
    assert '"to": "c@example.org"' in said
    assert "payload (what the job was given" in said
    assert "RuntimeError" in said
    assert "\x1b" not in said

    assert run(["failed", "show", "c", *THEIRS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["payload"] == {"to": "c@example.org"}


def test_named_jobs_are_retried_without_a_question(capsys: Capture) -> None:
    assert run(["failed", "retry", "a", "a"]) == 0
    assert capsys.readouterr().out == "order: 1 job retried\n"
    assert listed(capsys) == [("order", "b"), ("email", "b")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["retry", "a", "x"], "no failed job 'x' in queue order, payment, email"),
        (["retry", "b"], "'b' failed in order and email: say which with --queue"),
        (["show", "x"], "no failed job 'x'"),
        (["remove", "a"], "expected --yes"),
        (["retry", "--all"], "2 of order, 1 of email: expected --yes"),
        (["retry"], "expected ids of jobs, or --all"),
        (["retry", "a", "--all"], "expected ids of jobs, or --all"),
    ],
)
def test_what_is_not_clear_is_not_done(arguments: list[str], said: str, capsys: Capture) -> None:
    assert run(["failed", *arguments]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1
    assert len(listed(capsys)) == 3


def test_all_are_retried_or_removed(capsys: Capture) -> None:
    assert run(["failed", "retry", "--all", "--queue", "order", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"retried": {"order": ["a", "b"]}}
    assert run(["failed", "remove", "--all", "--yes"]) == 0
    assert capsys.readouterr().out == "email: 1 job removed\n"
    assert run(["failed", "remove", "--all", "--yes"]) == 0
    assert capsys.readouterr().out == "no failed jobs\n"


def test_a_job_that_a_worker_holds_is_no_bad_input(filled: str, capsys: Capture) -> None:
    with redis.Redis.from_url(filled) as client:
        client.set("bull:order:a:lock", "somebody")

    assert run(["failed", "remove", "a", "--yes"]) == 1
    said = capsys.readouterr()
    assert said.err == "error: queue order: job 'a' cannot be removed: a worker holds its lock\n"
    # Of all, the others are removed, and it is said that one was not.
    assert run(["failed", "remove", "--all", "--queue", "order", "--yes"]) == 1
    said = capsys.readouterr()
    assert said.out == "order: 1 job removed\n"
    assert said.err == "queue order: job 'a' cannot be removed: a worker holds its lock\n"
    assert listed(capsys) == [("order", "a"), ("email", "b")]


class Terminal(io.StringIO):
    """Somebody who can be asked."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "left"), [("y\n", 2), ("\n", 3), ("no\n", 3), ("", 3)])
def test_removing_asks_first(
    answer: str, left: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))

    assert run(["failed", "remove", "a"]) == (0 if left == 2 else 1)
    said = capsys.readouterr().err
    assert "remove 1 of order? [y/N]" in said
    assert ("nothing was done" in said) == (left == 3)
    assert "error" not in said
    assert len(listed(capsys)) == left


def test_without_a_verb_it_helps(capsys: Capture) -> None:
    assert run(["failed"]) == 0
    assert "retry" in capsys.readouterr().out
