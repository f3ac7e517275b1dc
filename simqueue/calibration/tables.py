"""What a calibration found, in cells and lines: for Markdown, and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from simqueue.calibration.crews import Crew
from simqueue.calibration.days import Day
from simqueue.calibration.doubts import FITS, FITS_S, misfit
from simqueue.calibration.estimates import Estimates, KindEstimate
from simqueue.calibration.fit import ENOUGH, FIGURES, Fit
from simqueue.calibration.seen import Seen
from simqueue.results.wording import count, duration
from simqueue.safe_text import one_line

#: The fields of a fit, and what they are called.
MEASURES = {"wait_s": "wait", "response_s": "response"}
#: So many pauses are told one by one.
_SOME = 5
FOUND = (
    "queue, class",
    "jobs",
    "priority",
    "attempts",
    "backoff",
    "service mean",
    "service p95",
    "failed",
)


def watched_words(seen: Seen, day: Day, found: Estimates) -> str:
    """How much there was to see, and of what."""
    ended = sum(bool(one.outcome) for one in day.attempts)
    what = "kept by" if seen.kept else f"{day.lasted_s / 60:,.1f} minutes of"
    return f"{len(day.jobs):,} jobs and {ended:,} attempts, {what} {queues_words(found)}."


def queues_words(found: Estimates) -> str:
    """Which queues there are, or how many."""
    names = [one_line(name) for name in found.queues]
    return ", ".join(names) if len(names) <= 8 else f"{len(names)} queues"


def fit_sentence(fits: Sequence[Fit]) -> str:
    """Whether the model waits and answers as the real queues did."""
    judged = [one for one in fits if one.priority is None and one.jobs >= ENOUGH]
    if not judged:
        return f"No queue had {ENOUGH} jobs, too few to judge the model by."
    off = [one for one in judged if any(misfit(one, measure, "p95") for measure in MEASURES)]
    words = f"Given the very same jobs, p95 of wait and response is within {100 * FITS:g} % or "
    words += f"{duration(FITS_S)} of what was seen in "
    well = len(judged) - len(off)
    if not off:
        words += one_line(judged[0].queue) if well == 1 else f"all {well} queues"
    else:
        words += f"{well} of {count(len(judged), 'queue')}; not in "
        words += ", ".join(f"{one_line(one.queue)} ({_apart(one)})" for one in off[:5])
        words += f", and {len(off) - 5} more" if len(off) > 5 else ""
    few = sum(one.priority is None for one in fits) - len(judged)
    words += f" ({count(few, 'queue')} had fewer than {ENOUGH} jobs)" if few else ""
    return f"{words}."


def _apart(fit: Fit) -> str:
    """The p95 that is farther off."""
    measure = max(MEASURES, key=lambda name: abs(misfit(fit, name, "p95")))
    real, model = getattr(fit, measure)["p95"]
    return f"p95 {MEASURES[measure]} {duration(real)} seen, {duration(model)} in the model"


def fit_name(fit: Fit) -> str:
    """Whose fit it is."""
    return one_line(fit.queue) + ("" if fit.priority is None else f", priority {fit.priority}")


def fit_cells(fit: Fit) -> list[tuple[str, str, bool]]:
    """What was seen, what the model says, and whether that is off; of each measure and figure."""
    cells = []
    for measure in MEASURES:
        for figure in FIGURES:
            real, model = getattr(fit, measure)[figure]
            cells.append((duration(real), duration(model), bool(misfit(fit, measure, figure))))
    return cells


def found_rows(found: Estimates) -> list[list[str]]:
    """A row for each class of jobs: see `FOUND`."""
    rows = []
    for one in found.queues.values():
        for kind in one.kinds:
            name = one_line(one.queue) + (f", {kind.kind.label}" if len(one.kinds) > 1 else "")
            p95 = float(np.quantile(kind.service_s, 0.95)) if len(kind.service_s) else 0.0
            rows.append(
                [
                    *(name, f"{kind.jobs:,}", f"{kind.kind.priority or '–'}", f"{kind.attempts}"),
                    *(_backoff(kind), duration(service_mean(kind)), duration(p95)),
                    f"{kind.failure_rate:.2%}",
                ]
            )
    return rows


def _backoff(kind: KindEstimate) -> str:
    if kind.backoff is None or kind.attempts == 1:
        return "–"
    said = kind.backoff
    if said["type"] == "list":
        return "list " + ", ".join(f"{ms:,.0f}" for ms in said["delays_ms"]) + " ms"
    jitter = f", jitter {said['jitter']:g}" if said.get("jitter") else ""
    return f"{said['type']} {said['delay_ms']:,.0f} ms{jitter}"


def service_mean(kind: KindEstimate) -> float:
    """Mean time of attempts that completed, seconds; 0 without any."""
    return float(kind.service_s.mean()) if len(kind.service_s) else 0.0


def found_lines(found: Estimates) -> list[str]:
    """Who works on each queue, and what keeps its jobs waiting."""
    lines = []
    for queue, one in found.queues.items():
        workers = one.workers
        said = [f"workers: {', and '.join(map(_crew, workers.crews))}"]
        if one.limiter is not None and one.limiter.reached:
            said.append(f"limiter: {one.limiter.most} starts in {one.limiter.duration_s:g} s")
        if one.global_concurrency:
            said.append(f"at most {one.global_concurrency} at once over all workers")
        said += [f"paused from {a:,.0f} to {b:,.0f} s" for a, b in one.paused[:_SOME]]
        if len(one.paused) > _SOME:
            lasted_s = sum(b - a for a, b in one.paused)
            said.append(f"paused {len(one.paused)} times in all, for {lasted_s:,.0f} s")
        said += [
            f"{burst.rate:.0%} of the attempts failed that started from {burst.from_s:,.0f} to "
            f"{burst.to_s:,.0f} s"
            for burst in one.bursts
        ]
        if one.later_failure is not None:
            said.append(f"attempts after the first failed in {one.later_failure:.0%} of the cases")
        if one.children:
            children = [f"{_numbers(n)} {child}" for child, n in one.children.items()]
            said.append(f"children of each job: {', '.join(children)}")
        if one.reasons:
            often = sorted(one.reasons.items(), key=lambda pair: -pair[1])[:5]
            said.append(f"final failures: {', '.join(f'{n} {name}' for name, n in often)}")
        lines.append(f"{safe(queue)}: {'; '.join(map(safe, said))}.")
    return lines


def _crew(crew: Crew) -> str:
    """How many workers with how many slots."""
    steps = [f"{number} from {at_s:,.0f} s" for at_s, number in crew.schedule]
    many = f"{crew.most}" if len(steps) == 1 else ", ".join(steps)
    return f"{many}, with {count(crew.concurrency, 'slot')} each"


def _numbers(shares: Mapping[int, float]) -> str:
    """How many children jobs have, in words."""
    least, most = min(shares), max(shares)
    if least == most:
        return f"{most}"
    return f"{least} to {most} ({sum(n * share for n, share in shares.items()):.3g} on average)"


def safe(text: str) -> str:
    """A sentence that may hold names from elsewhere."""
    return one_line(text, 2000)
