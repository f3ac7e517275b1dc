"""What the verdict says of scenarios whose answer is known, over a hundred seeds each.

``python -m benchmarks.verdicts`` prints the table of docs/verdicts.md (``--write`` puts it there).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simqueue.experiments.run import simulate
from simqueue.results.offered import Outlook
from simqueue.results.verdicts.judge import judge
from simqueue.results.verdicts.verdict import Verdict
from simqueue.workload.reading import build_scenario

SEEDS = 100
PAGE = Path(__file__).parent.parent / "docs" / "verdicts.md"

Table = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A scenario and what is right to say of it.

    Attributes
    ----------
    kind
        What is easily said wrongly.
    name
        The scenario in words.
    table
        Its TOML.
    binds
        What has to be named, by what it is about; the number is the places needed, if any.
    needs
        For queues of which no more is to be said: the slots that they need.
    """

    kind: str
    name: str
    table: Table
    binds: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    needs: Mapping[str, int] = field(default_factory=dict)


def exponential(mean_s: float) -> Table:
    """Service without memory."""
    return {"distribution": "exponential", "mean_s": mean_s}


def constant(mean_s: float) -> Table:
    """Service that always takes the same."""
    return {"distribution": "constant", "mean_s": mean_s}


def lognormal(mean_s: float, cv: float) -> Table:
    """Service with a long tail."""
    return {"distribution": "lognormal", "mean_s": mean_s, "cv": cv}


def one(
    arrivals: float | Table,
    service: Table,
    slots: int = 1,
    workers: int = 1,
    duration_s: float = 3600,
    crashes: list[Table] | None = None,
    **queue: Any,
) -> Table:
    """A scenario of one queue, ``q``."""
    stream = {"rate_per_s": arrivals} if isinstance(arrivals, float) else arrivals
    return {
        "duration_s": duration_s,
        "workers": {"count": workers, "concurrency": slots, "crashes": crashes or []},
        "arrivals": {"q": stream},
        "queues": {"q": {"service": service, **queue}},
    }


def dead(at_s: float, down_s: float, worker: int = 0, **more: Any) -> Table:
    """A worker that dies."""
    return {"at_s": at_s, "worker": worker, "down_s": down_s, **more}


def training(callers: int, rate: float, service: Table) -> Table:
    """Training mode."""
    return {
        **one(rate, service),
        "mode": "in-process",
        "caller": {"concurrency": callers},
        "workers": {},
    }


def cases() -> Iterator[Case]:
    """All of them, kind by kind."""
    kind = "a dead worker is no want of slots"
    away = ("dead worker", None)
    yield Case(
        kind,
        "5 slots, 2/s of 1 s, the only worker dead for 10 min",
        one(2.0, constant(1), 5, crashes=[dead(1000, 600)]),
        {"worker 0": away},
        {"q": 3},
    )
    yield Case(
        kind,
        "1 slot, 1 s every 10 s, dead for 15 of 17 min",
        one({"interval_s": 10}, constant(1), duration_s=1000, crashes=[dead(10.5, 900)]),
        {"worker 0": away},
        {"q": 1},
    )
    yield Case(
        kind,
        "2 x 5 slots, 4/s of 1 s, one dead for 5 min",
        one(4.0, exponential(1), 5, 2, crashes=[dead(1000, 300, 1)]),
        {},
        {"q": 5},
    )
    yield Case(
        kind,
        "2 x 5 slots, 7/s of 1 s, one dead for 5 min: five are too few",
        one(7.0, exponential(1), 5, 2, crashes=[dead(1000, 300, 1)]),
        {"worker 1": away},
        {"q": 8},
    )
    yield Case(
        kind,
        "1 x 5 slots, 3/s of 1 s, drained for 2 min",
        one(3.0, exponential(1), 5, crashes=[dead(1000, 120, drain=True)]),
        {"worker 0": away},
        {"q": 4},
    )

    kind = "the largest of many noisy windows"
    yield Case(kind, "M/M/1 at 0.5, 10 min", one(0.5, exponential(1), duration_s=600), {}, {"q": 1})
    yield Case(kind, "M/M/5 at 0.8, 10 s, one hour", one(0.4, exponential(10), 5), {}, {"q": 5})
    yield Case(kind, "M/M/20 at 0.8", one(16.0, exponential(1), 20), {}, {"q": 17})
    yield Case(kind, "M/G/2 at 0.7, lognormal cv 3", one(1.4, lognormal(1, 3), 2), {}, {"q": 2})
    yield Case(
        kind, "M/M/1 at 0.9, 20 min", one(0.9, exponential(1), duration_s=1200), {}, {"q": 1}
    )
    yield Case(kind, "M/D/3 at 0.9", one(2.7, constant(1), 3), {}, {"q": 3})
    profile = {"profile": [[0, 1.0], [1200, 3.4], [2400, 1.0]]}
    yield Case(
        kind,
        "a profile: 1, 3.4 and 1 a second, 4 slots",
        one(profile, exponential(1), 4),
        {},
        {"q": 4},
    )

    kind = "slots that are short"
    yield Case(kind, "M/M/1 at 1.5", one(1.5, exponential(1)), {"q": ("slots", 2)})
    yield Case(kind, "2.5 slots' worth on 2", one(2.5, exponential(1), 2), {"q": ("slots", 3)})
    yield Case(
        kind,
        "a profile that brings 5.5 slots' worth on 4",
        one({"profile": [[0, 1.0], [1200, 5.5], [2400, 1.0]]}, exponential(1), 4),
        {"q": ("slots", 6)},
    )
    yield Case(
        kind,
        "2 x 3 slots, 8.2 slots' worth",
        one(8.2, lognormal(1, 1.5), 3, 2),
        {"q": ("slots", 9)},
    )
    yield Case(
        kind,
        "retries: 0.9 jobs/s of 1 s, a third fail, 3 attempts, 1 slot",
        one(
            0.9,
            exponential(1),
            attempts=3,
            failure_rate=0.33,
            backoff={"type": "fixed", "delay_ms": 5000},
        ),
        {"q": ("slots", 2)},
    )

    kind = "the event loop binds, not the slots"
    loop = ("event loop", None)
    both = {"cpu": exponential(0.09)}
    for slots in (8, 9, 100):
        yield Case(
            kind,
            f"cpu 0.09 s, io 0.3 s, 10/s, {slots} slots",
            one(10.0, exponential(0.3), slots, **both),
            {"event loop": loop},
        )
    yield Case(
        kind,
        "cpu 0.12 s, 10/s: more than one loop can do",
        one(10.0, exponential(0.1), 20, cpu=constant(0.12)),
        {"event loop": ("event loop", 2)},
    )
    yield Case(
        kind,
        "the same with two workers: all is well",
        one(10.0, exponential(0.3), 8, 2, **both),
        {},
        {"q": 4},
    )

    kind = "jobs lost come first"
    lost = ("lost", None)
    tripled = {"attempts": 3, "backoff": {"type": "exponential", "delay_ms": 2000}}
    yield Case(
        kind,
        "5.5/s of 0.5 s on 5 slots, an outage of 5 min",
        one(5.5, exponential(0.5), 5, outages=[[180, 480]], **tripled),
        {"lost.q": lost, "q": ("outage", None)},
    )
    yield Case(
        kind,
        "1/s of 0.5 s on 5 slots, an outage of 1 min",
        one(1.0, exponential(0.5), 5, outages=[[180, 240]], **tripled),
        {"lost.q": lost},
        {"q": 1},
    )
    yield Case(
        kind,
        "one attempt, 5 % fail",
        one(1.0, exponential(0.5), 2, failure_rate=0.05),
        {"lost.q": lost},
        {"q": 1},
    )
    yield Case(
        kind,
        "retries outlast an outage: nothing is lost",
        one(
            1.0,
            exponential(0.5),
            5,
            outages=[[180, 240]],
            attempts=7,
            backoff={"type": "exponential", "delay_ms": 2000},
        ),
        {},
        {"q": 1},
    )

    kind = "neither short nor growing"
    yield Case(kind, "D/D/1 at load 1", one({"interval_s": 1}, constant(1)), {}, {"q": 1})
    yield Case(kind, "D/D/2 at load 1", one({"interval_s": 0.5}, constant(1), 2), {}, {"q": 2})
    yield Case(
        kind,
        "backoff an hour, all fail, 0.3/s: most attempts are after the run",
        one(
            0.3,
            exponential(1),
            attempts=5,
            failure_rate=1.0,
            backoff={"type": "fixed", "delay_ms": 3_600_000},
        ),
        {"lost.q": lost},
        {"q": 1},
    )
    think = {"follows": "order", "think": exponential(5000)}
    late = one(0.8, constant(0.1), duration_s=3600)
    late["arrivals"] = {"order": {"rate_per_s": 0.8}, "payment": think}
    late["queues"] = {
        "order": {"service": constant(0.1), "follow_up": {}},
        "payment": {"service": exponential(1), "follow_up": {}},
    }
    yield Case(kind, "payments that come hours later", late, {}, {"order": 1, "payment": 1})

    kind = "held back by what is before it"
    behind = one(0.0, constant(0))
    behind["arrivals"] = {"first": {"rate_per_s": 4.0}}
    behind["workers"] = {"concurrency": 2}
    behind["queues"] = {
        "first": {"service": exponential(1), "follow_up": {"completed": ["second"]}},
        "second": {"service": exponential(0.7)},
    }
    yield Case(
        kind,
        "4/s of 1 s on 2 slots, then 0.7 s on 2",
        behind,
        {"first": ("slots", 5)},
        {"second": 2},
    )
    client = {"timeout_s": 2, "retries": 3}
    storm = one(
        {"rate_per_s": 8.0, "client": client},
        exponential(1),
        10,
        duration_s=600,
        crashes=[dead(100, 20)],
    )
    yield Case(
        kind,
        "clients that ask again after a crash",
        storm,
        {"q": ("clients", None), "worker 0": away},
    )

    kind = "training mode"
    yield Case(kind, "3 callers, 2/s of 1 s", training(3, 2.0, exponential(1)), {}, {"caller": 3})
    yield Case(
        kind, "1 caller, 2/s of 1 s", training(1, 2.0, exponential(1)), {"caller": ("slots", 3)}
    )


def wrong(case: Case, verdicts: list[Verdict]) -> str | None:
    """What is wrong with what was said; ``None`` if nothing is."""
    said = {verdict.about: verdict for verdict in verdicts}
    for about, (binds, needed) in case.binds.items():
        if about not in said or said[about].binds != binds:
            return f"{about}: not {binds}"
        if needed is not None and said[about].needed != needed:
            return f"{about}: needs {said[about].needed}, not {needed}"
    for about, places in case.needs.items():
        if about not in said:
            return f"{about}: nothing said"
        if said[about].needed != places:
            return f"{about}: needs {said[about].needed}, not {places}"
        if said[about].binds == "slots":
            return f"{about}: slots are said to be short"
    for verdict in verdicts:
        if verdict.binds == "slots" and verdict.about not in case.binds:
            return f"{verdict.about}: slots are said to be short"
    return None


def tried(job: tuple[int, int]) -> tuple[str | None, tuple[str, ...]]:
    """One case with one seed: what is wrong with its verdicts, and the sentences."""
    number, seed = job
    case = list(cases())[number]
    scenario = build_scenario({**case.table, "seed": seed})
    run = simulate(scenario)
    verdicts = judge(run.log, Outlook(scenario, 0.0), run.window)
    return wrong(case, verdicts), tuple(verdict.sentence for verdict in verdicts)


def rows(seeds: int, processes: int) -> Iterator[tuple[Case, Counter[str], str]]:
    """Each case, how often what was wrong with it, and what is said most often."""
    every = list(cases())
    with ProcessPoolExecutor(processes) as pool:
        for number, case in enumerate(every):
            found = list(pool.map(tried, [(number, seed) for seed in range(1, seeds + 1)]))
            mistakes = Counter(mistake for mistake, _ in found if mistake)
            yield case, mistakes, " ".join(found[0][1])


def table(seeds: int, processes: int) -> tuple[list[str], float]:
    """The table's lines, and the share of runs with wrong advice."""
    lines = ["| kind | scenario | right | said, with seed 1 |", "|---|---|---|---|"]
    total = mistaken = 0
    for case, mistakes, said in rows(seeds, processes):
        right = seeds - sum(mistakes.values())
        total, mistaken = total + seeds, mistaken + seeds - right
        note = "".join(f"; {count}: {mistake}" for mistake, count in mistakes.most_common(3))
        lines.append(f"| {case.kind} | {case.name} | {right} of {seeds}{note} | {said} |")
        print(lines[-1], file=sys.stderr)
    return lines, mistaken / total


def main() -> None:
    """Run all and print, or write, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    given = parser.parse_args()
    lines, share = table(given.seeds, given.processes)
    lines += ["", f"Wrong advice in {share:.1%} of {len(lines) - 2} x {given.seeds} runs."]
    if given.write:
        mark = "<!-- table: python -m benchmarks.verdicts --write -->"
        head = PAGE.read_text(encoding="utf-8").partition(mark)[0]
        PAGE.write_text(f"{head}{mark}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
