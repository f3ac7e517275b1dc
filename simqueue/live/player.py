"""Who holds a session and its clock: the one door for the page, the widget and tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from simqueue.errors import InputError
from simqueue.live import challenges
from simqueue.live.challenges import Challenge
from simqueue.live.formula import formula_lines
from simqueue.live.saving import scenario_text
from simqueue.live.session import LONGEST_SESSION_S, Session, read_session
from simqueue.workload.scenario import Scenario

#: Nobody has looked for so long: time stands still meanwhile, seconds.
PATIENCE_S = 0.3
#: What a frame may take to compute, and what each of its pieces advances at least, seconds.
BUDGET_S, PIECE_S = 0.04, 0.25
SLOWEST, FASTEST = 0.1, 1e6
#: A scenario is played in so much real time at first, seconds, at one of these speeds.
FEW_MINUTES_S, SPEEDS = 180.0, (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1000.0)


class Player:
    """A session that goes on as long as somebody looks, and training mode beside it if wanted.

    Parameters
    ----------
    scenario
        What is played.
    clock
        The real time, seconds.

    Attributes
    ----------
    session, beside
        What is played, and the same arrivals in training mode; ``None``: not wanted.
    running, speed
        Whether time goes on, and how many virtual seconds in one.
    """

    def __init__(self, scenario: Scenario, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._looked_at = clock, clock()
        self.session = Session(scenario)
        self.beside: Session | None = None
        self.challenge: Challenge | None = None
        self.running, self.speed = False, brisk(scenario)
        self._game = 0
        self._formulas: tuple[tuple[int, int], dict[str, Any]] = ((-1, 0), {})

    def answer(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a command says, and tell what is to be seen then.

        Parameters
        ----------
        command
            One of ``change`` (a table, see `simqueue.live.changes`), ``running``, ``speed``,
            ``step``, ``until``, ``again``, ``beside``, ``save``, ``export``, ``load``,
            ``challenge``; none: just look. ``since``: the moment of the last sample that one has,
            and ``game``, of which game.

        Returns
        -------
        dict
            The state, and ``said``: what was done, in words; or ``error``: why not.
        """
        self._go_on()
        try:
            extra = self._do(command)
        except InputError as error:
            extra = {"error": str(error)}
        return {**self._seen(command), **extra}

    # ---- commands

    def _do(self, command: Mapping[str, Any]) -> dict[str, Any]:
        match dict(command):
            case {"change": dict(change)}:
                return self._change(dict(change))
            case {"running": bool(running)}:
                self.running = running and self._may_run
            case {"speed": float() | int() as speed}:
                self.speed = min(max(float(speed), SLOWEST), FASTEST)
            case {"step": True}:
                self._step()
            case {"until": float() | int() as moment}:
                self._run_until(float(moment))
            case {"again": True}:
                speed, beside = self.speed, self.beside is not None
                self._begin(Session(self.session.scenario), beside, self.challenge)
                self.speed = speed
                return {"said": "back at the start, with the same seed"}
            case {"beside": bool(wanted)}:
                return self._put_beside(wanted)
            case {"save": True}:
                return {"text": self.session.text(), "file": "session.toml"}
            case {"export": True}:
                return {"text": scenario_text(self.session.exported()), "file": "scenario.toml"}
            case {"load": str(text)}:
                self._begin(read_session(text), False)
                return {"said": f"a session of {len(self.session.changes)} changes is loaded"}
            case {"challenge": str(name)}:
                return self._take_on(name)
        return {}

    def _change(self, change: dict[str, Any]) -> dict[str, Any]:
        what = str(change.pop("do", ""))
        change.pop("at_s", None)
        if self.challenge is not None:
            self.challenge.check({"do": what, **change})
        done = self.session.do(what, **change)
        if self.beside is not None:
            self.beside.run_until(self.session.now)
            if what in ("send", "arrivals", "set", "gateway"):
                self.beside.do(what, **change)
        return {"said": done.words}

    def _put_beside(self, wanted: bool) -> dict[str, Any]:
        """Play the same in training mode, or no more; the fair comparison begins at the start."""
        scenario = self.session.scenario
        if scenario.in_process:
            raise InputError("this scenario is training mode already")
        self._begin(Session(scenario), wanted)
        return {"said": "training mode runs beside, from the start" if wanted else "one model runs"}

    def _take_on(self, name: str) -> dict[str, Any]:
        chosen = challenges.challenge(name)
        self._begin(Session(chosen.scenario()), False, chosen)
        return {"said": f"{chosen.title}: {chosen.task}"}

    def _begin(self, session: Session, beside: bool, challenge: Challenge | None = None) -> None:
        self.session, self.running, self.challenge = session, False, challenge
        self.beside = Session(as_training(session.scenario)) if beside else None
        self.speed = brisk(session.scenario)
        self._game += 1

    # ---- time

    @property
    def _end_s(self) -> float:
        return LONGEST_SESSION_S if self.challenge is None else self.challenge.lasts_s

    @property
    def _may_run(self) -> bool:
        return self.session.now < self._end_s

    def _go_on(self) -> None:
        """Let as much virtual time pass as is due, as far as there is time to compute it."""
        now = self._clock()
        elapsed, self._looked_at = min(now - self._looked_at, PATIENCE_S), now
        if not self.running:
            return
        due = self.session.now + elapsed * self.speed
        began = time.perf_counter()
        while self.session.now < due and time.perf_counter() - began < BUDGET_S:
            self._run_until(min(due, self.session.now + max(PIECE_S, elapsed * self.speed / 20)))
        if not self._may_run or (self.session.over and self.challenge is None):
            self.running = False

    def _run_until(self, moment: float) -> None:
        moment = min(moment, self._end_s)
        self.session.run_until(moment)
        if self.beside is not None:
            self.beside.run_until(self.session.now)

    def _step(self) -> None:
        self.running = False
        if self._may_run:
            self.session.step()
            if self.beside is not None:
                self.beside.run_until(self.session.now)

    # ---- what is seen

    def _seen(self, command: Mapping[str, Any]) -> dict[str, Any]:
        since = command.get("since")
        same = command.get("game") == self._game and isinstance(since, int | float)
        after = float(since) if same else -1.0  # type: ignore[arg-type]
        session = self.session
        found = {
            **session.state(),
            "name": session.scenario.name,
            "game": self._game,
            "running": self.running,
            "speed": self.speed,
            "changes": len(session.changes),
            "every_s": session.measures.every_s,
            "past": _past(session, after),
            "formulas": self._formula_lines(),
        }
        if self.beside is not None:
            found["beside"] = {**self.beside.state(), "past": _past(self.beside, after)}
        if self.challenge is not None:
            found["challenge"] = self.challenge.seen(session)
        return found

    def _formula_lines(self) -> dict[str, Any]:
        """Worked out again only when something was changed."""
        key = self._game, len(self.session.changes)
        if self._formulas[0] != key:
            self._formulas = key, formula_lines(self.session)
        return self._formulas[1]


def brisk(scenario: Scenario) -> float:
    """A speed at which one sees all of a scenario in a few minutes."""
    return next((one for one in SPEEDS if one >= scenario.duration_s / FEW_MINUTES_S), SPEEDS[-1])


def as_training(scenario: Scenario) -> Scenario:
    """The same work in training mode, with as many callers in all as there are slots."""
    processes = max(1, scenario.event_loops)
    slots = sum(scenario.slots.values())
    return scenario.replace(
        {
            "mode": "in-process",
            "caller.processes": processes,
            "caller.concurrency": max(1, slots // processes),
        }
    )


def _past(session: Session, after: float) -> dict[str, list[list[float | None]]]:
    return {
        name: [row for row in rows if (row[0] or 0.0) > after]
        for name, rows in session.measures.past.items()
    }
