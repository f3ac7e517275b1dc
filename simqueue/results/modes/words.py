"""The fair comparison in words: what each step does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from simqueue.results.modes.rows import ALL, ModeRow
from simqueue.results.statistics import Statistics
from simqueue.results.wording import digits, duration

#: The runs, in words.
RUNS = {
    "T": "training mode: whoever asks is answered when all is done",
    "B": "queues, slots split by the work that comes to each, one attempt",
    "S": "queues, slots split as configured, one attempt",
    "P": "queues as configured, with their retries and backoff",
}
#: What a step to a run changes.
STEPS = {
    "B": "Separating the work",
    "S": "The split of the slots",
    "P": "Retrying",
}
#: A step's reason, if it makes most of the difference.
_WHY = {"B": "slots that do one kind of job", "S": "how the slots are split", "P": "retries"}
LETTERS = tuple(RUNS)
#: A time that rises by less is as good as the same.
_SAME = 0.05


def load_words(load: float) -> str:
    """A load as people say it.

    >>> load_words(1.0), load_words(400.0), load_words(0.5)
    ('1x', '400x', '0.5x')
    """
    return f"{load:,.6g}x"


def step_sentences(rows: Sequence[ModeRow]) -> list[str]:
    """A sentence for each step at each load, over all requests.

    Parameters
    ----------
    rows
        Of the comparison.
    """
    loads = dict.fromkeys(row.load for row in rows)
    found = []
    for load in loads:
        runs = {row.letter: row for row in rows if row.load == load and row.of == ALL}
        found += [_step(before, after) for before, after in pairwise(runs.values())]
    return found


def finding(rows: Sequence[ModeRow]) -> str:
    """What is to be seen at the highest load, one sentence."""
    load = max(row.load for row in rows)
    runs = {row.letter: row for row in rows if row.load == load and row.of == ALL}
    last = {letter: _p95(row) for letter, row in runs.items()}
    words = (
        f"At {load_words(load)} training mode has 1 customer in 20 wait for {duration(last['T'])} "
        "or longer, and queues have nobody wait; 1 in 20 of their last effects comes "
        f"{duration(last['P'])} later or more"
    )
    rise = last["P"] - last["T"]
    for letter, why in _WHY.items():
        before = last[LETTERS[LETTERS.index(letter) - 1]]
        if rise > _SAME * last["T"] and last[letter] - before > rise / 2:
            return f"{words}, mostly because of {why}."
    return f"{words}."


def _p95(row: ModeRow) -> float:
    return float(row.measures.last_effect_s.p95 or 0.0)


def _step(before: ModeRow, after: ModeRow) -> str:
    step = STEPS[after.letter]
    if after.letter == "S":
        step += f" as {after.places} instead of {before.places}"
    head = f"At {load_words(after.load)}, {before.letter} to {after.letter}. {step}"
    parts = list(_changes(before, after))
    return f"{head}: {'; '.join(parts)}." if parts else f"{head} changes nothing."


def _changes(before: ModeRow, after: ModeRow) -> Iterator[str]:
    one, other = before.measures, after.measures
    if one.held_s.max != other.held_s.max:
        held = _change(one.held_s, other.held_s)
        yield f"the customer holds the line for {held}" if held else "the line is held as long"
    last = _change(one.last_effect_s, other.last_effect_s)
    if last:
        yield f"the last effect comes after {last}"
    else:
        yield "the last effect comes as late as before"
    failed = [digits(float(each.failed)) for each in (one, other)]
    if failed[0] != failed[1]:
        yield f"jobs that fail for good, in a run: {failed[1]} instead of {failed[0]}"
    for name, words in (
        ("refused", "requests turned away"),
        ("lost", "requests lost in crashes"),
        ("again", "jobs run again after crashes"),
    ):
        numbers = [digits(float(getattr(each, name))) for each in (one, other)]
        if numbers[0] != numbers[1]:
            yield f"{words}, in a run: {numbers[1]} instead of {numbers[0]}"
    if one.requests != other.requests:
        made = digits(other.requests), digits(one.requests)
        yield f"requests in a run: {made[0]} instead of {made[1]}, as nobody is lost or turned away"
    if one.told and not other.told:
        yield (
            f"{digits(float(one.told))} customers a run saw an error, now none does: failed jobs "
            "are kept for whoever looks"
        )


def _change(one: Statistics, other: Statistics) -> str:
    """How mean and p95 change; nothing if they read alike."""
    pairs = [(duration(other.mean), duration(one.mean)), (duration(other.p95), duration(one.p95))]
    if all(mine == theirs for mine, theirs in pairs):
        return ""
    mean, p95 = (f"{mine} instead of {theirs}" for mine, theirs in pairs)
    return f"{mean} on average, {p95} at p95"


def alt(rows: Sequence[ModeRow]) -> str:
    """The figure in words, for somebody who does not see it."""
    words = [finding(rows), "For each load a chart of the four runs on an axis of seconds."]
    for row in rows:
        if row.of == ALL:
            held, last = row.measures.held_s, row.measures.last_effect_s
            words.append(
                f"{load_words(row.load)}, {row.letter}: holds the line {duration(held.mean)} on "
                f"average and {duration(held.max)} at most; last effect after "
                f"{duration(last.mean)} and {duration(last.max)}."
            )
    return " ".join(words)
