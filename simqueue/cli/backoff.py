"""``simqueue backoff``: when each attempt would be made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

import simqueue.cli.options as opt

if TYPE_CHECKING:
    from simqueue.policies import QueuePolicy


def backoff(
    type: Annotated[  # noqa: A002
        str | None, typer.Option(help="Show one policy of this type: fixed, exponential or list.")
    ] = None,
    delay_ms: Annotated[
        float | None,
        typer.Option(help="Set the delay after the first failed attempt, milliseconds."),
    ] = None,
    delays_ms: Annotated[
        str | None,
        typer.Option(help="List the delays, milliseconds, such as 1000,5000,60000."),
    ] = None,
    multiplier: Annotated[
        float | None, typer.Option(help="Set how much an exponential delay grows. [default: 2]")
    ] = None,
    attempts: Annotated[
        int | None,
        typer.Option(help="Set how many tries there are, the first included. [default: 3]"),
    ] = None,
    jitter: Annotated[
        float | None,
        typer.Option(
            help="Make a wait uniform between (1 - jitter) and 1 times the delay; 0 to 1."
        ),
    ] = None,
    min_ms: Annotated[
        float | None, typer.Option(help="Set the floor of the wait, milliseconds; after jitter.")
    ] = None,
    max_ms: Annotated[
        float | None, typer.Option(help="Set the cap on the delay, milliseconds; before jitter.")
    ] = None,
    as_json: opt.AsJson = False,
) -> None:
    """Print when each attempt of a job that always fails would be made.

    Without options: the policies of the shop's three queues. With options: one policy of yours,
    exponential unless you say otherwise. Attempts count the first try, so 3 attempts wait twice.
    The attempts themselves are taken to last no time.

    Example: simqueue backoff --type exponential --delay-ms 3000 --attempts 8 --jitter 0.5
    """
    from simqueue.policies import POLICIES

    said = {
        "type": type,
        "delay_ms": delay_ms,
        "delays_ms": None if delays_ms is None else _numbers(delays_ms),
        "multiplier": multiplier,
        "jitter": jitter,
        "min_ms": min_ms,
        "max_ms": max_ms,
    }
    given = {key: value for key, value in said.items() if value is not None}
    policies = dict(POLICIES)
    if given or attempts is not None:
        policies = {"yours": _policy(given, attempts)}
    tables = {name: timetable(policy) for name, policy in policies.items()}
    if as_json:
        print(json.dumps(tables))
    else:
        _show(tables, policies)


def timetable(policy: QueuePolicy) -> dict[str, Any]:
    """When a job that fails every time is tried, seconds; with jitter, at the latest.

    With jitter ``waits_min_s`` has the shortest waits, beside the longest.
    """
    waits = policy.waits_s()
    at = [sum(waits[:i]) for i in range(policy.attempts)]
    table: dict[str, Any] = {
        "attempts": policy.attempts,
        "retries": policy.retries,
        "waits_s": waits,
        "attempt_at_s": at,
    }
    if policy.backoff.jitter:
        table["waits_min_s"] = [
            policy.backoff.wait_s(attempt, draw=0.0) for attempt in range(1, policy.attempts)
        ]
    return table


def _policy(given: dict[str, Any], attempts: int | None) -> QueuePolicy:
    from pydantic import ValidationError

    from simqueue.checked import first_problem
    from simqueue.errors import InputError
    from simqueue.policies import Backoff, QueuePolicy

    if "delay_ms" not in given and "delays_ms" not in given:
        raise InputError("--delay-ms: missing; a policy of your own needs a delay")
    usual = "list" if "delays_ms" in given else "exponential"
    table = {"attempts": 3 if attempts is None else attempts}
    try:
        own = Backoff(**{"type": usual, **given})
        return QueuePolicy(backoff=own, **table)
    except ValidationError as error:
        problem = first_problem(error)
        if not problem.path:
            raise InputError(f"--{_flag(problem.expected)}") from None
        flag = "--" + _flag(next(part for part in problem.path if not part.isdecimal()))
        raise InputError(f"{flag} {problem.value}: {problem.expected}") from None


def _numbers(text: str) -> list[float]:
    from simqueue.errors import InputError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"--delays-ms {text}: expected milliseconds such as 1000,5000,60000"
        ) from None


def _flag(key: str) -> str:
    """A key, alone or in front of what is said of it, as an option has it."""
    head, colon, rest = key.partition(":")
    return head.replace("_", "-") + colon + rest


def _show(tables: dict[str, dict[str, Any]], policies: dict[str, QueuePolicy]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for name, table in tables.items():
        policy = policies[name]
        shortest = table.get("waits_min_s", table["waits_s"])
        out = Table(title=f"{name}: {describe(policy)}", title_justify="left", title_style="bold")
        for heading in ("attempt", "waits before it", "made at"):
            out.add_column(heading, justify="right")
        earliest = 0.0
        for i, at in enumerate(table["attempt_at_s"]):
            if i == 0:
                out.add_row("1", "-", "0 s")
                continue
            earliest += shortest[i - 1]
            out.add_row(
                str(i + 1), _range(shortest[i - 1], table["waits_s"][i - 1]), _range(earliest, at)
            )
        console.print(out)
    console.print("An attempt that succeeds is the last. Attempts count the first try.")


def describe(policy: QueuePolicy) -> str:
    """A policy in words: ``3 attempts (2 retries), exponential from 2000 ms``."""
    backoff = policy.backoff
    words = f"{policy.attempts} attempts ({policy.retries} retries), {backoff.type} "
    if backoff.type == "list":
        words += f"of {', '.join(f'{delay:g}' for delay in backoff.delays_ms)} ms"
    else:
        words += f"{'from ' if backoff.type == 'exponential' else ''}{backoff.delay_ms:g} ms"
    if backoff.multiplier != 2:
        words += f" times {backoff.multiplier:g}"
    if backoff.min_ms:
        words += f", at least {backoff.min_ms:g} ms"
    if backoff.max_ms is not None:
        words += f", at most {backoff.max_ms:g} ms"
    if backoff.jitter:
        words += f", jitter {backoff.jitter:g}"
    return words


def _range(low: float, high: float) -> str:
    return f"{high:,.10g} s" if low == high else f"{low:,.10g} to {high:,.10g} s"
