"""Will an autoscaler do? Its days, beside those of workers all day, and of other settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from simqueue.errors import InputError
from simqueue.planning.autoscaling.figure import judged_figure
from simqueue.planning.autoscaling.judged import Judged
from simqueue.planning.autoscaling.judgement import Judgement
from simqueue.planning.autoscaling.looks import Looks
from simqueue.planning.autoscaling.manifest import manifest_of, write_manifest
from simqueue.planning.autoscaling.page import judged_page
from simqueue.planning.autoscaling.pool_day import PoolDay, needs
from simqueue.planning.autoscaling.settings import (
    alternatives,
    quicker_starts,
    setting_of,
    with_autoscaler,
    with_pool,
)
from simqueue.planning.autoscaling.shown import judged_frame
from simqueue.planning.autoscaling.words import verdict
from simqueue.planning.days import Laboratory, check_days
from simqueue.planning.search import Search, first_allowed
from simqueue.planning.situations import with_traffic
from simqueue.planning.targets import parse_targets
from simqueue.results.measures import measures_of
from simqueue.results.shown import Shown
from simqueue.results.wording import count
from simqueue.simulation.engines import Engine, engine_of, engine_words
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from simqueue.results.page import Page


@dataclass(frozen=True)
class Autoscaling(Judgement, Shown):
    """What `autoscale` gives; its methods answer questions about it.

    Its attributes: see `Judgement`. `plot` draws the workers of the first day over time: as it is,
    all day, proposed; and what is needed.
    """

    def sentence(self) -> str:
        """Whether it will do, and what would."""
        return verdict(self)

    def frame(self) -> pd.DataFrame:
        """A row for each that is compared, and each of its days.

        ``what``, ``day``, ``held``; the targets' measures; and ``worst_minute_s``,
        ``worker_hours``, ``cost``, ``most``, ``turns``, ``late_s``, ``left``.
        """
        return judged_frame(self)

    def page(self) -> Page:
        """A report to show others: `Page.write` makes it a file."""
        return judged_page(self)

    def _figure(self) -> tuple[Figure, str]:
        return judged_figure(self)

    def manifest(self, kind: Literal["keda", "hpa"] = "keda") -> str:
        """The setting that was judged as a manifest for Kubernetes, YAML.

        Parameters
        ----------
        kind
            A ``ScaledObject`` of KEDA, or a HorizontalPodAutoscaler with an external metric.

        Raises
        ------
        InputError
            If a manifest of this kind cannot say it.
        """
        return manifest_of(self.scenario, self.pool, kind)

    def export(self, path: str | Path, kind: Literal["keda", "hpa"] = "keda") -> None:
        """Write `manifest` to a file.

        Raises
        ------
        InputError
            If a manifest cannot say it, the file cannot be written, or it is there and was not
            written by this.
        """
        write_manifest(Path(path), self.manifest(kind))

    def document(self) -> dict[str, Any]:
        """What ``autoscale --json`` prints."""
        setting = self.scenario.pools[self.pool]
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "engine": self.engine,
            "seed": self.scenario.seed,
            "traffic": self.traffic,
            "pool": self.pool,
            "setting": setting_of(self.scenario, self.pool).model_dump(mode="json"),
            "start_s": setting.start_s,
            "targets": [one.words for one in self.targets],
            "kept": self.kept,
            "will_do": self.will_do,
            "sentence": self.sentence(),
            "as_it_is": self.as_it_is.as_dict(),
            "all_day": self.all_day and self.all_day.as_dict(),
            "proposal": self.proposal and self.proposal.as_dict(),
            "quicker": self.quicker and self.quicker.as_dict(),
            "interrupted": self.interrupted,
            "wall_s": self.wall_s,
        }


def autoscale(
    scenario: Scenario,
    targets: str | Sequence[str],
    setting: Mapping[str, Any] | None = None,
    *,
    pool: str | None = None,
    start_s: float | None = None,
    traffic: float = 1.0,
    days: int = 10,
    kept: float = 0.95,
    most: int = 1000,
    proposals: bool = True,
    cores: int | None = None,
    cluster: str | None = None,
    engine: str | Engine = "auto",
    tell: Callable[[str], None] | None = None,
) -> Autoscaling:
    """Judge an autoscaler: on how many days targets hold with it, and what would do for less.

    Everything that is compared meets the same days (one seed).

    Parameters
    ----------
    scenario
        A day. Its ``[workers]`` become a pool.
    targets
        What has to hold on it, such as ``order.response.p95 < 10s``; all of several.
    setting
        Keys of ``[pools.NAME.autoscale]``, over what the scenario says:
        ``{"metric": "ready", "target": 20, "min": 2, "max": 20}``.
    pool
        Whose autoscaler; by default the only one's.
    start_s
        From being asked for until it takes jobs, seconds, over what the scenario says.
    traffic
        Times its arrivals; the shape of the day is kept.
    days
        How many are simulated.
    kept
        The share of days on which the targets have to hold.
    most
        Look for no more workers than these.
    proposals
        Whether to look for other settings.
    cores, cluster, engine
        See `sweep`.
    tell
        Called with what is being simulated.

    Raises
    ------
    InputError
        If a target, the pool, its setting or a number is none that there can be.

    Notes
    -----
    Ctrl-C ends it with what is known by then. It raises `KeyboardInterrupt` only if that is not
    even the setting as it is.

    Examples
    --------
    >>> import simqueue as sq
    >>> cafe = sq.build_scenario({
    ...     "name": "cafe",
    ...     "duration_s": 3600,
    ...     "arrivals": {"coffee": {"profile": [[0, 0.1], [1200, 0.5], [2400, 0.1]]}},
    ...     "queues": {"coffee": {"service": {"distribution": "exponential", "mean_s": 8}}},
    ...     "workers": {"concurrency": 1},
    ... })
    >>> setting = {"metric": "ready", "target": 4, "min": 1, "max": 9}
    >>> found = sq.autoscale(cafe, "coffee.wait.p95 < 20s", setting, days=3, cores=1)
    >>> found.as_it_is.held, found.all_day.what
    (0, '5 workers all day')
    """
    began = time.perf_counter()
    _check(days, kept, most)
    engine_of(engine)
    day, name = with_autoscaler(scenario, pool, setting or {}, start_s)
    aims = parse_targets(targets, measures_of(day))
    day = with_traffic(day, traffic)
    queues = tuple(dict.fromkeys(one.measure.queue for one in aims))

    def all_day(value: int) -> Scenario:
        return with_pool(day, name, count=value)

    laboratory = Laboratory(
        all_day, aims, cores, cluster, engine, PoolDay(name, queues, needs(day, name))
    )
    tell = tell or (lambda _: None)
    least = first_allowed(all_day, 1, most)
    tell("as it is")
    as_it_is = Judged("as it is", {}, laboratory.aside(0, day))
    laboratory.extend([as_it_is.tried], days)
    looks = Looks(laboratory, day, name, days, kept, tell)
    constant = proposal = quicker = None
    others: list[dict[str, Any]] = []
    interrupted = False
    try:
        search = Search(laboratory, kept, days, least, most, tell)
        enough = search.run(max(least, int(as_it_is.of("most").max()))).answer
        if enough is not None:
            words = f"{count(enough, 'worker')} all day"
            constant = Judged(words, {}, laboratory.at(enough))
        if proposals and enough is not None:
            does = as_it_is.keeps(kept)
            others = alternatives(setting_of(day, name), enough)
            proposal = looks.cheapest(others, as_it_is if does else None)
            if not does:
                quicker = looks.first([{"start_s": s} for s in quicker_starts(day.pools[name])])
    except KeyboardInterrupt:
        interrupted = True
    return Autoscaling(
        scenario=day,
        pool=name,
        targets=aims,
        kept=kept,
        as_it_is=as_it_is,
        all_day=constant,
        proposal=proposal,
        quicker=quicker,
        others=len(others),
        traffic=traffic,
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
        engine=engine_words(engine, [day, *(one.scenario for one in laboratory.tried)]),
    )


def _check(days: int, kept: float, most: int) -> None:
    check_days(days, kept)
    if most < 1:
        raise InputError(f"most = {most}: expected a whole number of at least 1")
