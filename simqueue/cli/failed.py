"""``simqueue failed``: look at the jobs that failed for good, run them again, remove them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

import simqueue.cli.options as opt
from simqueue.errors import InputError

if TYPE_CHECKING:
    from simqueue.operations.failed import Failure, Failures

failed = typer.Typer(
    name="failed",
    help="Look at jobs that failed for good, run them again, or remove them.",
    rich_markup_mode=None,
)

JobIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="Take the jobs of these ids.")
]
All = Annotated[bool, typer.Option("--all", help="Take all that failed.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Start without asking.")]


@failed.callback(invoke_without_command=True)
def options(context: typer.Context) -> None:
    """Look at jobs that failed for good, run them again, or remove them."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@failed.command("list")
def list_(
    queue: opt.Queues = None,
    prefix: opt.Prefix = "bull",
    limit: Annotated[int, typer.Option(min=1, help="List the newest N of each queue.")] = 50,
    as_json: opt.AsJson = False,
) -> None:
    """List the failed jobs that queues keep, the newest first.

    Example: simqueue failed list --queue payment
    """

    async def work() -> tuple[list[Failure], int]:
        async with _queues(queue, prefix) as queues:
            found = [job for one in queues for job in await one.list(limit)]
            return found, sum([await one.count() for one in queues])

    found, total = asyncio.run(work())
    if as_json:
        print(json.dumps({"failed": [job.as_json() for job in found], "kept": total}))
    else:
        _show_list(found, total)


@failed.command(short_help="Print all that is kept of a failed job.")
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="Show the job of this id.")],
    queue: opt.Queues = None,
    prefix: opt.Prefix = "bull",
    as_json: opt.AsJson = False,
) -> None:
    """Print all that is kept of a failed job, its payload and stack traces too.

    Example: simqueue failed show order-536365
    """

    async def work() -> dict[str, Any]:
        async with _queues(queue, prefix) as queues:
            ((jobs, ids),) = await _places(queues, [job_id])
            return await jobs.show(ids[0])

    job = asyncio.run(work())
    if as_json:
        print(json.dumps(job))
    else:
        _show_job(job)


@failed.command(short_help="Put failed jobs back to wait.")
def retry(
    job_ids: JobIds = None,
    all_of_them: All = False,
    queue: opt.Queues = None,
    prefix: opt.Prefix = "bull",
    yes: Yes = False,
    as_json: opt.AsJson = False,
) -> None:
    """Put failed jobs back to wait, each with all its attempts before it again.

    Example: simqueue failed retry --all --queue payment
    """
    _redrive("retry", "retried", job_ids, all_of_them, queue, prefix, yes, as_json)


@failed.command()
def remove(
    job_ids: JobIds = None,
    all_of_them: All = False,
    queue: opt.Queues = None,
    prefix: opt.Prefix = "bull",
    yes: Yes = False,
    as_json: opt.AsJson = False,
) -> None:
    """Remove failed jobs for good.

    Example: simqueue failed remove order-536365
    """
    _redrive("remove", "removed", job_ids, all_of_them, queue, prefix, yes, as_json)


def _redrive(
    verb: str,
    done: str,
    job_ids: Sequence[str] | None,
    all_of_them: bool,
    queue: list[str] | None,
    prefix: str,
    yes: bool,
    as_json: bool,
) -> None:
    if bool(job_ids) == all_of_them:
        raise InputError(f"failed {verb}: expected ids of jobs, or --all")

    async def work() -> tuple[dict[str, list[str]], list[str]]:
        async with _queues(queue, prefix) as queues:
            if all_of_them:
                places = [(one, await one.ids()) for one in queues]
            else:
                places = await _places(queues, job_ids or [])
            # Running a job again is harmless to what is stored; of many, or for good, ask first.
            if any(ids for _, ids in places) and (all_of_them or verb == "remove"):
                _ask(verb, places, yes)
            done: dict[str, list[str]] = {}
            held: list[str] = []
            for jobs, ids in places:
                done[jobs.queue] = await _each(getattr(jobs, verb), ids, all_of_them, held)
            return done, held

    ids, held = asyncio.run(work())
    if as_json:
        print(json.dumps({done: ids}))
    else:
        if not any(ids.values()) and not held:
            print("no failed jobs")
        for name, some in ids.items():
            if some:
                print(f"{name}: {len(some):,} {'job' if len(some) == 1 else 'jobs'} {done}")
    for line in held:
        print(line, file=sys.stderr)
    if held:
        raise typer.Exit(1)


async def _each(
    act: Callable[[str], Awaitable[None]], ids: Sequence[str], lenient: bool, held: list[str]
) -> list[str]:
    """Do it to each job; of "all", one that somebody else took meanwhile is passed over.

    One that somebody holds is as well, and ``held`` gets a line that says so.
    """
    from simqueue.operations.failed import JobHeldError

    done = []
    for job_id in ids:
        try:
            await act(job_id)
        except (InputError, JobHeldError) as error:
            if not lenient:
                raise
            if isinstance(error, JobHeldError):
                held.append(str(error))
        else:
            done.append(job_id)
    return done


def _ask(verb: str, places: Sequence[tuple[Failures, Sequence[str]]], yes: bool) -> None:
    if yes:
        return
    what = ", ".join(f"{len(ids):,} of {jobs.queue}" for jobs, ids in places if ids)
    if not sys.stdin.isatty():
        raise InputError(f"failed {verb}: {what}: expected --yes, as there is nobody to ask")
    print(f"{verb} {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        print("nothing was done", file=sys.stderr)
        raise typer.Exit(1)


@asynccontextmanager
async def _queues(given: list[str] | None, prefix: str) -> AsyncIterator[list[Failures]]:
    from simqueue.operations.failed import Failures
    from simqueue.operations.queues import operators_connection, queue_names, require_queues
    from simqueue.settings import read_settings, revealed

    names = queue_names(given)
    url = revealed(read_settings().queue_redis_url)
    async with operators_connection(url, prefix) as connection:
        await require_queues(connection, given)
        yield [Failures(connection, name) for name in names]


async def _places(
    queues: Sequence[Failures], ids: Sequence[str]
) -> list[tuple[Failures, list[str]]]:
    """Which queue each job is in; every id has to be in exactly one, before anything is done."""
    ids = list(dict.fromkeys(ids))
    holders: dict[str, list[Failures]] = {job_id: [] for job_id in ids}
    for jobs in queues:
        missing = set(await jobs.missing(ids))
        for job_id in ids:
            if job_id not in missing:
                holders[job_id].append(jobs)
    names = ", ".join(jobs.queue for jobs in queues)
    if unknown := [job_id for job_id, held in holders.items() if not held]:
        raise InputError(f"no failed job {', '.join(map(repr, unknown))} in queue {names}")
    for job_id, held in holders.items():
        if len(held) > 1:
            both = " and ".join(jobs.queue for jobs in held)
            raise InputError(f"job {job_id!r} failed in {both}: say which with --queue")
    return [
        (jobs, [job_id for job_id in ids if holders[job_id] == [jobs]])
        for jobs in queues
        if any(holders[job_id] == [jobs] for job_id in ids)
    ]


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "?"  # no calendar has it


def _tries(made: int, most: int | None) -> str:
    return f"{made}" if most is None else f"{made} of {most}"


def _show_list(found: Sequence[Failure], total: int) -> None:
    from rich.console import Console

    from simqueue.cli.fitted_table import Column, FittedTable
    from simqueue.safe_text import one_line

    console = Console(highlight=False)
    if not found:
        console.print("no failed jobs")
        return
    # An id is for copying, so it is shown whole and on one line.
    columns = [Column("id"), Column("queue"), Column("name", least=12), Column("attempts"),
               Column("failed at (UTC)"), Column("error", least=20)]  # fmt: skip
    rows = [
        [one_line(job.id, 10_000), *map(one_line, (
            job.queue, job.name, _tries(job.attempts_made, job.attempts), _when(job.failed_at),
            job.error))]
        for job in found
    ]  # fmt: skip
    console.print(FittedTable(columns, rows, lined=True))
    if total > len(found):
        console.print(f"{len(found):,} of {total:,}; --limit shows more")


def _show_job(job: dict[str, Any]) -> None:
    from simqueue.safe_text import one_line, safe

    def block(text: str) -> str:
        return "\n".join(f"  {safe(line)}" for line in text.splitlines())

    def document(value: object) -> str:
        return block(json.dumps(value, indent=2, ensure_ascii=False))

    lines = [
        f"{one_line(job['queue'])} {one_line(job['id'])}: {one_line(job['name'])}",
        f"attempts  {_tries(job['attempts_made'], job['attempts'])}",
        f"added     {_when(job['added_at'])} UTC",
        f"started   {_when(job['started_at'])} UTC (the last attempt)",
        f"failed    {_when(job['failed_at'])} UTC",
        f"error     {one_line(job['error'], 10_000)}",
        "options",
        document(job["options"]),
        "payload (what the job was given; it may hold personal data)",
        document(job["payload"]),
    ]
    traces = job["stacktrace"] if isinstance(job["stacktrace"], list) else [job["stacktrace"]]
    for i, trace in enumerate(traces, 1):
        lines += [f"stack trace {i}", block(str(trace))]
    if job["logs"]:
        lines += ["log", *(block(row) for row in job["logs"])]
    print("\n".join(lines))
