"""Challenges are solved by a few lines of Python, and doing nothing solves none."""

from typing import Any

import pytest
from small import shop

from simqueue.errors import InputError
from simqueue.live import challenges
from simqueue.live.challenges import CHALLENGES, Score
from simqueue.live.session import Session

Acts = list[tuple[float, str, dict[str, Any]]]

SOLUTIONS: dict[str, Acts] = {
    "broken": [(60, "slots", {"queue": "order", "count": 5})],
    "outage": [
        (120, "pause", {"queue": "payment", "paused": True}),
        (180, "pause", {"queue": "payment", "paused": False}),
    ],
    "storm": [(75, "workers", {"count": 2}), (95, "workers", {"count": 1})],
    "lean": [(295, "workers", {"count": 2}), (605, "workers", {"count": 1})],
}


def score(name: str, acts: Acts) -> Score:
    challenge = challenges.challenge(name)
    session = Session(challenge.scenario())
    for at_s, what, how in acts:
        session.run_until(at_s)
        session.do(what, **how)
    return challenge.score(session)


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in CHALLENGES])
def test_it_can_be_solved_and_not_by_doing_nothing(name: str) -> None:
    solved, idle = score(name, SOLUTIONS[name]), score(name, [])

    assert (solved.solved, idle.solved) == (True, False)
    assert solved.points >= 90
    assert idle.points == 0


def test_more_workers_than_needed_are_worth_less() -> None:
    plenty, enough = score("lean", [(0, "workers", {"count": 2})]), score("lean", SOLUTIONS["lean"])

    assert plenty.solved
    assert plenty.points < enough.points


def test_the_rules_hold_for_python_too() -> None:
    challenge = challenges.challenge("outage")
    session = Session(challenge.scenario())
    session.do("workers", count=3)

    with pytest.raises(InputError, match=r"not allowed here; you may pause, set\.attempts"):
        challenge.score(session)
    with pytest.raises(InputError, match="plays another scenario"):
        challenge.score(Session(shop()))
    with pytest.raises(InputError, match="expected one of broken, outage, storm, lean"):
        challenges.challenge("chess")
