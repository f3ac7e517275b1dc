"""`beside` says what differs, and refuses what was not said."""

from __future__ import annotations

import pandas as pd
import pytest

import simqueue as sq
from simqueue.course import beside, figure
from simqueue.course.display import kept
from simqueue.errors import InputError


@pytest.fixture(scope="module")
def runs() -> dict[str, sq.Run]:
    calm = sq.read_scenario("outage.toml").replace({"duration_s": 30})
    return {
        "few": sq.simulate(calm),
        "many": sq.simulate(calm.replace({"workers.count": 3, "queues.payment.attempts": 4})),
    }


def test_all_that_differs_is_said(runs: dict[str, sq.Run]) -> None:
    words = beside(runs, "workers", "queues.payment.attempts", "places in all")

    assert words == (
        "Different in few / many: workers.count 1 / 3; queues.payment.attempts 6 / 4; "
        "places in all 40 / 120. All else is shared."
    )


def test_what_was_not_said_is_refused(runs: dict[str, sq.Run]) -> None:
    with pytest.raises(InputError, match=r"also differ in queues.payment.attempts 6 / 4: say so"):
        beside(runs, "workers.count", "places in all")
    with pytest.raises(InputError, match=r"also differ in workers.count"):
        beside(runs, "workers.c", "queues.payment.attempts", "places in all")


def test_what_does_not_differ_is_refused(runs: dict[str, sq.Run]) -> None:
    with pytest.raises(InputError, match=r"do not differ in seed: they share it"):
        beside(runs, "workers", "queues", "places in all", "seed")


def test_a_long_sentence_becomes_a_line_for_each_run(runs: dict[str, sq.Run]) -> None:
    few = runs["few"]
    doubling = {"type": "exponential", "delay_ms": 2000, "jitter": 0.5}
    slow, quick = ({**doubling, "max_ms": most} for most in (60_000, 20_000))
    changed = {
        "few": few,
        "few, and patient": sq.simulate(few.scenario.replace({"queues.payment.backoff": slow})),
        "less patient": sq.simulate(few.scenario.replace({"queues.payment.backoff": quick})),
        "fixed": sq.simulate(
            few.scenario.replace({"queues.payment.backoff": {"type": "fixed", "delay_ms": 100}})
        ),
    }
    fields = few.scenario.queues["payment"].backoff
    assert (fields.type, fields.delay_ms, fields.max_ms) == ("exponential", 2000, None)

    assert beside(changed, "queues.payment.backoff").splitlines() == [
        "Different in queues.payment.backoff. "
        "Unless said otherwise: type exponential, delay_ms 2000.",
        "- few: jitter 0",
        "- few, and patient: jitter 0.5, max_ms 60000",
        "- less patient: jitter 0.5, max_ms 20000",
        "- fixed: type fixed, delay_ms 100, jitter 0",
        "All else is shared.",
    ]


def test_what_is_gone_is_said(runs: dict[str, sq.Run]) -> None:
    few = runs["few"].scenario
    rates = {f"{n} a second, so many and no more": {"rate_per_s": n} for n in (15, 16)}
    changed = {
        name: sq.simulate(few.replace({"arrivals.payment": stream}))
        for name, stream in (
            {"at first": {"rate_per_s": 15}} | rates | {"a dip": {"profile": [[0, 15], [9, 0]]}}
        ).items()
    }

    assert beside(changed, "arrivals.payment").splitlines() == [
        "Different in arrivals.payment. Unless said otherwise: rate_per_s 15.",
        "- at first: as said",
        "- 15 a second, so many and no more: as said",
        "- 16 a second, so many and no more: rate_per_s 16",
        "- a dip: no rate_per_s, profile [[0, 15], [9, 0]]",
        "All else is shared.",
    ]


def test_it_stands_under_a_figure(runs: dict[str, sq.Run]) -> None:
    note = beside(runs, "workers", "queues", "places in all")
    with kept() as shown, figure("More wait.", "A line.", pd.DataFrame({"a": [1.0]}), note=note):
        pass

    ((data, _),) = shown
    assert note in data["text/html"]


def test_lines_are_a_list_under_a_figure() -> None:
    note = "Different:\n- few: `a` 1\n- many: `a` 2\nAll else is shared."
    with kept() as shown, figure("More wait.", "A line.", pd.DataFrame({"a": [1.0]}), note=note):
        pass

    ((data, _),) = shown
    assert (
        "<p>Different:</p><ul><li>few: <code>a</code> 1</li><li>many: <code>a</code> 2</li></ul>"
        "<p>All else is shared.</p>"
    ) in data["text/html"]
