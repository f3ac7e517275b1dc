"""The model against what several real runs differ by."""

import numpy as np
import pytest
from scipy import stats
from two_sides import scenario, steady

from simqueue.results.comparison.compare import compare
from simqueue.results.comparison.spread import beyond, spreads


def several(services: list[float], model: float):
    """Real runs of jobs that take so long, and a model of such that take ``model``."""
    ours = steady(100, service_s=model)
    return [
        compare(steady(100, engine="bull-queue", service_s=one), ours, scenario())
        for one in services
    ]


def response(found):
    return next(one for one in found if (one.queue, one.measure) == ("order", "response.mean"))


def test_it_is_the_interval_of_one_more_run():
    services = [1.0, 1.1, 1.05, 0.95]
    found = response(spreads(several(services, 1.3)))
    n, s = 4, np.std(services, ddof=1)
    half = stats.t.ppf(0.975, n - 1) * s * np.sqrt(1 + 1 / n)
    assert found.real == pytest.approx([one + 0.5 for one in services])
    assert (found.low, found.high) == pytest.approx((1.525 - half, 1.525 + half))
    assert found.model == pytest.approx(1.8)
    assert found.inside == (found.high >= 1.8)
    assert found.as_dict()["real"] == list(found.real)


def test_what_is_no_farther_off_than_real_runs_are_is_no_error():
    tolerances = {"response.mean": 0.01}
    wide = several([1.0, 1.3, 0.8], 1.2)
    assert response(spreads(wide)).inside
    assert beyond(wide, tolerances) == []

    narrow = several([1.0, 1.001, 0.999], 1.2)
    (sentence,) = beyond(narrow, tolerances)
    assert "outside of what one more real run would give" in sentence
    assert beyond(narrow, {"response.mean": 0.5}) == [], "within the tolerance all the same"


def test_one_run_has_no_spread():
    with pytest.raises(ValueError, match="2 comparisons or more"):
        spreads(several([1.0], 1.0))
