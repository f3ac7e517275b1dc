"""Grading a repair of the capstone's incident: it meets three simulated days, and eight targets.

In a notebook, `grade` takes settings, a scenario or the name of a file. In a terminal::

    python -m simqueue.course.grading my-incident.toml            the table
    python -m simqueue.course.grading students/*.toml             a line for each

The exit code is 0 if all pass, 1 if one does not, 2 if one cannot be graded.
"""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simqueue.course.display import prose, table
from simqueue.errors import InputError
from simqueue.results.wording import digits, duration

if TYPE_CHECKING:
    from simqueue.workload.scenario import Scenario

    #: From a scenario and what was measured to a hint.
    Hint = Callable[[Scenario, Mapping[str, float]], str]

INCIDENT = "incident.toml"
#: So many runs of some 28,000 may be lost to locks that ran out.
_FEW = 10.0
#: The seed of the days that a repair is graded on: not that of the day which the learner saw.
SEED = 1711
DAYS = 3
#: What has not happened so long after the last order counts as never.
_PATIENCE_S = 7_200.0
#: Nobody rents so many; such a repair misses the budget, and is not simulated.
_MANY_WORKERS, _MANY_SLOTS = 20, 200

_MAY_CHANGE = (
    "workers.count, workers.concurrency, bullmq.lock_duration_s, bullmq.stalled_interval_s, "
    "bullmq.max_stalled, and attempts, backoff and lifo of each queue"
)


@dataclass(frozen=True)
class Row:
    """One target, and what became of it.

    Attributes
    ----------
    key
        ``response``, ``given_up``, ``calls``, ``slowest_payment``, ``recovery``, ``twice``,
        ``workers`` or ``slots``.
    name
        What is measured.
    value
        The worst of the graded days; infinite for what never happened.
    measured, target
        In words.
    passed
        Whether it is held.
    hint
        What to think about, if it is not.
    """

    key: str
    name: str
    value: float
    measured: str
    target: str
    passed: bool
    hint: str


@dataclass(frozen=True)
class Grade:
    """What `grade` says; a notebook shows it as a table, `print` as text.

    Attributes
    ----------
    rows
        A row for each target; none if there is a ``problem``.
    problem
        One line that says why nothing could be graded.
    """

    rows: tuple[Row, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether every target is held."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def missed(self) -> tuple[str, ...]:
        """Keys of the targets that are not held."""
        return tuple(row.key for row in self.rows if not row.passed)

    @property
    def value(self) -> dict[str, float]:
        """The measured values by key."""
        return {row.key: row.value for row in self.rows}

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        if self.problem:
            return f"Not graded. {self.problem}"
        if self.passed:
            return f"Repaired: all {len(self.rows)} targets are held on each of {DAYS} days."
        if "response" not in self.value:
            return "Not yet: so far over the budget that nothing was simulated."
        held = len(self.rows) - len(self.missed)
        return f"Not yet: {held} of {len(self.rows)} targets are held on each of {DAYS} days."

    def __str__(self) -> str:
        lines = [self.verdict]
        for row in self.rows:
            mark = "pass" if row.passed else "FAIL"
            lines.append(f"  {mark}  {row.name}: {row.measured} (target: {row.target})")
            if not row.passed:
                lines.append(f"        {row.hint}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if self.problem:
            return prose(self.verdict)
        rows = [
            [
                r.name,
                r.measured,
                r.target,
                "pass" if r.passed else "FAIL",
                "" if r.passed else r.hint,
            ]
            for r in self.rows
        ]
        head = ["", "worst day", "target", "", "hint"]
        return f"<p><b>{html.escape(self.verdict)}</b></p>" + table(head, rows)


def grade(repair: Any) -> Grade:
    """Grade a repair of the incident by simulation. It never raises.

    Parameters
    ----------
    repair
        A list of settings on top of the incident, such as ``["workers.count=2"]``; or the path of
        a TOML file (a text that ends in ``.toml``); or a scenario.

    Notes
    -----
    Three days are simulated, always the same; they are not the day of the log. Every target must be
    held on each of them. Only the shop's settings are taken from ``repair``: what happens to the
    shop stays as it was.

    Examples
    --------
    >>> grade(["workers.count=0"])
    Not graded. --set workers.count=0: workers.count: should be greater than or equal to 1, not 0
    """
    try:
        return _graded(_repaired(repair).model_dump_json())
    except InputError as error:
        return Grade(problem=" ".join(str(error).split()))
    except Exception as error:
        # Anything may have been handed over; a lesson goes on.
        return Grade(problem=f"That cannot be read: {type(error).__name__}: {error}")


def _repaired(repair: Any) -> Scenario:
    """The incident with the settings of ``repair``."""
    from simqueue.data import data_path
    from simqueue.workload.changes import parse_set
    from simqueue.workload.reading import read_scenario
    from simqueue.workload.scenario import Scenario

    incident = read_scenario(data_path(INCIDENT))
    if isinstance(repair, str) and not repair.strip().endswith(".toml"):
        repair = [line for line in repair.splitlines() if line.strip()]
    if isinstance(repair, Scenario):
        given = repair
    elif isinstance(repair, str | Path):
        given = read_scenario(Path(str(repair).strip()))
    else:
        if not isinstance(repair, list | tuple | set) or not all(
            isinstance(text, str) for text in repair
        ):
            raise InputError(
                f"{_short(repair)}: expected a list of settings, such as ['workers.count=2'], or "
                "the name of a TOML file"
            )
        settings = [parse_set(text.strip().removeprefix("--set ").strip()) for text in repair]
        given = read_scenario(data_path(INCIDENT), settings)
    _check(given, incident)
    return given.model_copy(update={"seed": SEED})


def _check(given: Scenario, incident: Scenario) -> None:
    """Refuse what is no repair: another world, or settings that nobody can simulate."""
    ours, theirs = _world(incident.model_dump(mode="json")), _world(given.model_dump(mode="json"))
    other = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    if other:
        key = other[0]
        was = f" (there it was {ours[key]})" if key in ours else ""
        raise InputError(
            f"{key}: that is the world, no setting of the shop: leave it as it was on that "
            f"Friday{was}; you may change {_MAY_CHANGE}"
        )
    for key in ("lock_duration_s", "stalled_interval_s"):
        if getattr(given.bullmq, key) < 1:
            raise InputError(f"bullmq.{key}: expected 1 s or more")
    for name, queue in given.queues.items():
        if queue.backoff.delay_ms > 3_600_000:
            raise InputError(f"queues.{name}.backoff.delay_ms: expected an hour, 3600000, or less")


def _world(dump: dict[str, Any], stem: str = "") -> dict[str, Any]:
    """What a repair may not touch, by dotted key; of a file, its name."""
    flat: dict[str, Any] = {}
    for key, value in dump.items():
        dotted = f"{stem}.{key}" if stem else key
        own = dotted in ("name", "seed", "workers.count", "workers.concurrency", "caller")
        own |= stem == "bullmq" and key in ("lock_duration_s", "stalled_interval_s", "max_stalled")
        own |= stem.startswith("queues.") and key in (
            *("attempts", "backoff", "lifo", "keep_completed", "keep_failed"),
        )
        if own:
            continue
        if isinstance(value, dict):
            flat |= _world(value, dotted)
        else:
            flat[dotted] = Path(value).name if key in ("file", "trace") else value
    return flat


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@lru_cache(maxsize=64)
def _graded(text: str) -> Grade:
    from simqueue.workload.scenario import Scenario

    scenario = Scenario.model_validate_json(text)
    workers, slots = scenario.workers.count, scenario.slots["order"]
    days: list[dict[str, float]] = []
    if workers <= _MANY_WORKERS and slots <= _MANY_SLOTS:
        days = [_measured(scenario, day) for day in range(DAYS)]
    worst = {key: max(day[key] for day in days) for key in (days[0] if days else ())}
    worst |= {"workers": workers, "slots": slots}
    return Grade(tuple(target.row(scenario, worst) for target in _TARGETS if target.key in worst))


def _measured(scenario: Scenario, day: int) -> dict[str, float]:
    """The measures of one day; what the targets limit."""
    import numpy as np

    from simqueue.record.attempt_log import COMPLETED, FAILED, STALLED
    from simqueue.simulation.engines import ENGINES
    from simqueue.workload.workload import Workload

    workload = Workload(scenario, day)
    # Some settings make work for ever: what is not done by then is not done.
    log = ENGINES["simpy"](workload, until_s=scenario.duration_s + _PATIENCE_S).log
    rows = log.rows
    final = np.isin(rows["outcome"], (COMPLETED, FAILED))

    def responses(queue: str) -> Any:
        """Of every job of a queue; infinite where it was not done."""
        ended = rows[final & (rows["queue"] == log.queues.index(queue))]
        times = np.full(max(len(workload.streams[queue].times_s), len(ended), 1), np.inf)
        times[: len(ended)] = ended["finished_s"] - ended["enqueued_s"]
        return times

    given_up = [0.0]
    for number in range(len(log.queues)):
        mine = rows[rows["queue"] == number]
        failed = int((mine["outcome"] == FAILED).sum())
        given_up.append(failed / max(len(np.unique(mine["job"])), 1))
    ((down, up),) = scenario.queues["payment"].outages
    paying = rows[rows["queue"] == log.queues.index("payment")]
    asked = paying[(paying["started_s"] >= down) & (paying["started_s"] < up)]

    (crash,) = scenario.workers.crashes
    stalled = rows[rows["outcome"] == STALLED]
    killed = (stalled["started_s"] <= crash.at_s) & (stalled["finished_s"] >= crash.at_s)
    killed &= stalled["worker"] == crash.worker
    recovery = [0.0]
    for one in stalled[killed]:
        again = rows[(rows["queue"] == one["queue"]) & (rows["job"] == one["job"])]["started_s"]
        recovery.append(float(min(again[again > crash.at_s], default=math.inf)) - crash.at_s)
    return {
        "response": float(np.quantile(responses("order"), 0.95, method="higher")),
        "given_up": max(given_up),
        "calls": len(asked) / max(len(np.unique(asked["job"])), 1),
        "slowest_payment": float(responses("payment").max()),
        "recovery": max(recovery),
        "twice": float((~killed).sum()),
    }


def _time(seconds: float) -> str:
    return "not done by 17:00" if math.isinf(seconds) else duration(seconds)


def _share(share: float) -> str:
    return f"{digits(share * 100, 2)} %"


@dataclass(frozen=True)
class _Target:
    """Something to keep at or below a limit."""

    key: str
    name: str
    limit: float
    hint: Hint
    words: Callable[[float], str] = field(default=digits)

    def row(self, scenario: Scenario, worst: Mapping[str, float]) -> Row:
        value = worst[self.key]
        passed = value <= self.limit
        return Row(
            self.key, self.name, value, self.words(value), f"at most {self.words(self.limit)}",
            passed, "" if passed else self.hint(scenario, worst),
        )  # fmt: skip


def _about_response(scenario: Scenario, worst: Mapping[str, float]) -> str:
    workers, slots = scenario.workers.count, scenario.slots["order"]
    if scenario.queues["order"].lifo:
        return "Newest first serves those who have just come. Who waits the longer for it?"
    if workers == 1:
        return (
            "How long is an order job at work when it is alone, and how long among many? What do "
            "all slots of one worker share?"
        )
    if workers == 2:
        return (
            "Two event loops are enough for the mean of these two hours. Are they for its busiest "
            "quarter-hour?"
        )
    if slots < 8:
        return (
            f"{slots} slots: how many are busy at the peak, on average? An order job takes its "
            "cpu and its io time."
        )
    if worst["twice"] > _FEW:
        return "Much of the work is done twice. See to the runs that are lost (below) first."
    return "Orders wait although the workers are many. What else makes an order late? Its retries?"


def _about_given_up(scenario: Scenario, worst: Mapping[str, float]) -> str:
    payment, (outage,) = scenario.queues["payment"], scenario.queues["payment"].outages
    hope, lasts = sum(payment.waits_s()), outage[1] - outage[0]
    if worst["twice"] > _FEW:
        return (
            "Jobs fail because they stalled too often, though their workers live. See to the runs "
            "that are lost (below) first."
        )
    if scenario.bullmq.max_stalled == 0:
        return "With max_stalled = 0 a job whose worker dies has failed. Is that its fault?"
    if hope < lasts:
        return (
            f"A payment that fails waits {duration(hope)} in all before its last attempt. How long "
            "was the gateway down?"
        )
    if payment.backoff.jitter and hope * (1 - payment.backoff.jitter / 2) < lasts * 1.3:
        return "Jitter makes the waits shorter. Is the last attempt still late enough, also then?"
    few = [name for name, queue in scenario.queues.items() if queue.attempts < 3]
    if few:
        return f"{few[0]}: so few attempts do not even survive a failure or two by chance."
    return "Which jobs failed, when, and after how many attempts? One more attempt costs little."


def _about_calls(scenario: Scenario, _: Mapping[str, float]) -> str:
    backoff = scenario.queues["payment"].backoff
    often = f"every {duration(backoff.delay_ms / 1000)}" if backoff.delay_ms else "without a pause"
    return (
        f"A dead gateway is asked again and again ({often} at first). Let the wait grow from one "
        "attempt to the next, or be longer."
    )


def _about_slowest(scenario: Scenario, _: Mapping[str, float]) -> str:
    if scenario.workers.count < 3:
        return "Payments share the event loops with the orders: mend that first."
    return (
        "Some customer hears of her payment long after the gateway is back. How long is the "
        "longest wait between two attempts? max_ms can cap it."
    )


def _about_recovery(scenario: Scenario, worst: Mapping[str, float]) -> str:
    lock, look = scenario.bullmq.lock_duration_s, scenario.bullmq.stalled_interval_s
    if scenario.bullmq.max_stalled == 0:
        return "An interrupted job is not run again at all: max_stalled = 0."
    if lock > 100 and look > 60:
        return (
            f"A dead worker's lock lasts up to {duration(lock)}, and a job is put back at the "
            f"second look ({duration(look)} apart). Why did anybody make them so long?"
        )
    if look > 60:
        return f"Locks are short now, but somebody looks only every {duration(look)}."
    if lock > 100:
        return f"Somebody looks often now, but a dead worker's lock lasts up to {duration(lock)}."
    if worst["twice"] > _FEW:
        return "Interrupted jobs stand behind jobs that run twice. See to those (below) first."
    return "An interrupted job is put back soon, and then it waits. For what?"


def _about_twice(scenario: Scenario, _: Mapping[str, float]) -> str:
    lock = scenario.bullmq.lock_duration_s
    return (
        f"Locks of {duration(lock)} run out although the workers live, and the jobs run again. A "
        "lock is renewed only when the event loop has time: how long is it held at one go?"
    )


def _about_workers(_: Scenario, __: Mapping[str, float]) -> str:
    return "That is more than is rented. How many event loops does the busiest quarter-hour need?"


def _about_slots(_: Scenario, __: Mapping[str, float]) -> str:
    return (
        "workers.count × workers.concurrency: each slot holds a connection of the database, and "
        "there are 40. How many jobs are at work at the peak?"
    )


_TARGETS = (
    _Target("response", "orders, p95 of the response time", 30.0, _about_response, _time),
    _Target("given_up", "jobs given up (worst queue)", 0.001, _about_given_up, _share),
    _Target("calls", "calls to the dead gateway, per payment", 10.0, _about_calls),
    _Target("slowest_payment", "slowest payment", 900.0, _about_slowest, _time),
    _Target(
        "recovery", "from the crash until its last job runs again", 180.0, _about_recovery, _time
    ),
    _Target("twice", "runs lost though the worker lived", _FEW, _about_twice),
    _Target("workers", "workers", 4.0, _about_workers),
    _Target("slots", "slots for each queue, over all workers", 40.0, _about_slots),
)
#: Names of the targets by key.
TARGETS: Mapping[str, str] = {target.key: target.name for target in _TARGETS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade the files that are named; see the top of this module."""
    files = list(sys.argv[1:] if arguments is None else arguments)
    if not files or any(file.startswith("-") for file in files):
        print(__doc__)
        return 2 if any(file not in ("-h", "--help") for file in files) or not files else 0
    grades = {file: grade(Path(file)) for file in files}
    for file, found in grades.items():
        if len(files) == 1:
            print(found)
        else:
            missed = f" Missed: {', '.join(found.missed)}." if found.missed else ""
            print(f"{file}: {found.verdict}{missed}")
    if any(found.problem for found in grades.values()):
        return 2
    return 0 if all(found.passed for found in grades.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
