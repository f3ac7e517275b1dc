"""Every distribution draws what it says: mean, variation, and files read right."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from simqueue.data import data_path
from simqueue.workload.distributions import Distribution

READ = TypeAdapter(Distribution)


def part(share: float) -> dict[str, object]:
    return {"share": share, "time": {"distribution": "constant", "mean_s": 1}}


CHECKOUTS = str(data_path("checkout_times.csv"))

SPECS = [
    {"distribution": "constant", "mean_s": 0.3},
    {"distribution": "exponential", "mean_s": 0.3},
    {"distribution": "uniform", "low_s": 0.1, "high_s": 0.7},
    {"distribution": "gamma", "mean_s": 0.3, "cv": 0.5},
    {"distribution": "gamma", "mean_s": 2.0, "cv": 1.8},
    {"distribution": "lognormal", "mean_s": 0.3, "cv": 1.2},
    {"distribution": "weibull", "mean_s": 0.3, "cv": 0.4},
    {"distribution": "weibull", "mean_s": 0.3, "cv": 1.7},
    {"distribution": "pareto", "mean_s": 0.3, "cv": 1.15},
    {"distribution": "hyperexponential", "mean_s": 0.3, "cv": 2.5},
    {
        "distribution": "mixture",
        "parts": [
            {"share": 0.7, "time": {"distribution": "exponential", "mean_s": 0.1}},
            {"share": 0.2, "time": {"distribution": "uniform", "low_s": 0.5, "high_s": 0.9}},
            {"share": 0.1, "time": {"distribution": "gamma", "mean_s": 1.0, "cv": 0.3}},
        ],
    },
    {"distribution": "empirical", "file": CHECKOUTS, "column": "order_ms"},
    {"distribution": "empirical", "file": CHECKOUTS, "column": "email_ms", "mean_s": 0.4},
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(sorted(spec.values(), key=str)[-1]))
def test_draws_have_the_moments_that_formulas_are_given(spec: dict[str, object]) -> None:
    distribution = READ.validate_python(spec)
    n = 400_000
    drawn = distribution.draw(np.random.default_rng(7), n)

    # Four standard errors of the sample's mean and, roughly, of its variance.
    error = 4 * drawn.std() / n**0.5
    assert drawn.mean() == pytest.approx(distribution.mean, abs=error + 1e-12)
    assert drawn.var() / drawn.mean() ** 2 == pytest.approx(distribution.scv, rel=0.08, abs=1e-9)
    assert (drawn >= 0).all()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(sorted(spec.values(), key=str)[-1]))
def test_draws_are_spread_as_the_distribution_function_says(spec: dict[str, object]) -> None:
    distribution = READ.validate_python(spec)
    n = 100_000
    drawn = np.sort(distribution.draw(np.random.default_rng(8), n))
    t = np.quantile(drawn, [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
    shares = distribution.cdf(t)

    # Four standard errors of a share.
    found = np.searchsorted(drawn, t, side="right") / n
    assert (abs(shares - found) <= 4 * np.sqrt(shares * (1 - shares) / n) + 1e-12).all()
    assert (distribution.cdf(np.array([-1.0, -1e-12])) == 0).all()
    assert distribution.cdf(np.array([1e6])) == pytest.approx(1)
    assert (np.diff(distribution.cdf(np.linspace(0, 5, 200))) >= 0).all()


OTHERS = [
    ({"distribution": "exponential", "mean_s": 0.3}, stats.expon(scale=0.3)),
    ({"distribution": "uniform", "low_s": 0.1, "high_s": 0.7}, stats.uniform(0.1, 0.6)),
    ({"distribution": "gamma", "mean_s": 0.3, "cv": 0.5}, stats.gamma(4, scale=0.075)),
    ({"distribution": "gamma", "mean_s": 2.0, "cv": 1.8}, stats.gamma(1 / 3.24, scale=6.48)),
    (
        {"distribution": "lognormal", "mean_s": 0.3, "cv": 1.2},
        stats.lognorm(np.sqrt(np.log(2.44)), scale=0.3 / np.sqrt(2.44)),
    ),
    # A Weibull of shape 1 is exponential; of shape 2 it is Rayleigh's, whose cv is known.
    ({"distribution": "weibull", "mean_s": 0.3, "cv": 1.0}, stats.expon(scale=0.3)),
    (
        {"distribution": "weibull", "mean_s": 0.3, "cv": math.sqrt(4 / math.pi - 1)},
        stats.rayleigh(scale=0.3 / math.sqrt(math.pi / 2)),
    ),
    (
        {"distribution": "weibull", "mean_s": 0.3, "cv": math.sqrt(5)},  # of shape 1/2
        stats.weibull_min(0.5, scale=0.15),
    ),
    ({"distribution": "pareto", "mean_s": 0.5, "cv": math.sqrt(2)}, stats.lomax(4, scale=1.5)),
    ({"distribution": "pareto", "mean_s": 0.3, "cv": math.sqrt(5 / 3)}, stats.lomax(5, scale=1.2)),
]


@pytest.mark.parametrize(("spec", "other"), OTHERS, ids=lambda one: str(one)[:60])
def test_moments_and_distribution_functions_are_those_of_scipy(
    spec: dict[str, object], other: Any
) -> None:
    distribution = READ.validate_python(spec)
    t = np.linspace(0, 5, 101)

    assert distribution.mean == pytest.approx(other.mean(), rel=1e-12)
    assert distribution.scv == pytest.approx(other.var() / other.mean() ** 2, rel=1e-9)
    assert distribution.third == pytest.approx(other.moment(3), rel=1e-9)
    np.testing.assert_allclose(distribution.cdf(t), other.cdf(t), rtol=1e-9, atol=1e-14)


def test_a_constant_and_measured_values_have_moments_too() -> None:
    constant = READ.validate_python({"distribution": "constant", "mean_s": 0.3})
    measured = READ.validate_python(
        {"distribution": "empirical", "file": CHECKOUTS, "column": "order_ms", "mean_s": 2.0}
    )
    point = READ.validate_python({"distribution": "uniform", "low_s": 0.3, "high_s": 0.3})

    assert constant.third == pytest.approx(0.027)
    for one in (constant, point):
        assert one.cdf(np.array([0.0, 0.29, 0.3, 1.0])).tolist() == [0, 0, 1, 1]
    assert point.third == pytest.approx(0.027)
    assert measured.third == pytest.approx(float((measured.values**3).mean()))
    largest = measured.values.max()
    assert measured.cdf(np.array([largest - 1e-9, largest])).tolist() == [
        pytest.approx(1, abs=2 / len(measured.values)),
        1,
    ]


def test_empirical_means_are_those_measured() -> None:
    """`order_ms` of all 1,649 checkouts has mean 482 ms, the 1,590 with an email 24.5 ms."""
    order = READ.validate_python(
        {"distribution": "empirical", "file": CHECKOUTS, "column": "order_ms"}
    )
    email = READ.validate_python(
        {"distribution": "empirical", "file": CHECKOUTS, "column": "email_ms"}
    )

    assert len(order.values) == 1649
    assert order.mean == pytest.approx(0.482, abs=0.0005)
    assert email.mean == pytest.approx(0.0245, abs=0.00005)


def test_a_mean_of_ones_own_keeps_the_measured_shape() -> None:
    spec = {"distribution": "empirical", "file": CHECKOUTS, "column": "order_ms"}
    measured, scaled = READ.validate_python(spec), READ.validate_python({**spec, "mean_s": 2.0})

    assert scaled.mean == pytest.approx(2.0)
    assert scaled.scv == pytest.approx(measured.scv)


def test_balanced_branches_of_a_hyperexponential_bring_as_much_work_each() -> None:
    """Whitt 1982: with squared cv 4 the short ones are (1 + sqrt(3/5)) / 2 of all."""
    one = READ.validate_python({"distribution": "hyperexponential", "mean_s": 2.0, "cv": 2.0})
    (short, short_s), (long, long_s) = one.branches

    assert short == pytest.approx((1 + math.sqrt(0.6)) / 2)
    assert short + long == pytest.approx(1)
    assert short * short_s == pytest.approx(1.0)
    assert long * long_s == pytest.approx(1.0)
    second = 2 * (short * short_s**2 + long * long_s**2)
    assert second / 4 - 1 == pytest.approx(one.scv)
    assert one.third == pytest.approx(6 * (short * short_s**3 + long * long_s**3))


def test_a_mixture_of_exponentials_is_a_hyperexponential_with_other_branches() -> None:
    balanced = READ.validate_python({"distribution": "hyperexponential", "mean_s": 1.0, "cv": 3.0})
    (short, short_s), (long, long_s) = balanced.branches
    mixed = READ.validate_python(
        {
            "distribution": "mixture",
            "parts": [
                {"share": short, "time": {"distribution": "exponential", "mean_s": short_s}},
                {"share": long, "time": {"distribution": "exponential", "mean_s": long_s}},
            ],
        }
    )
    t = np.linspace(0, 50, 101)

    assert (mixed.mean, mixed.scv) == (pytest.approx(1.0), pytest.approx(9.0))
    assert mixed.third == pytest.approx(balanced.third)
    np.testing.assert_allclose(mixed.cdf(t), balanced.cdf(t), rtol=1e-12)


def test_a_pareto_of_a_heavy_tail_has_no_third_moment() -> None:
    """Where the tail falls with a power of three or less."""
    heavy = READ.validate_python({"distribution": "pareto", "mean_s": 1.0, "cv": 3.0})

    assert heavy.index == pytest.approx(2.25)
    assert heavy.third == math.inf
    other = stats.lomax(2.25, scale=1.25)
    assert (heavy.mean, heavy.scv) == (pytest.approx(other.mean()), pytest.approx(other.var()))
    t = np.array([0.0, 0.1, 1.0, 10.0, 1e4])
    np.testing.assert_allclose(heavy.cdf(t), other.cdf(t), rtol=1e-12)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(sorted(spec.values(), key=str)[-1]))
def test_more_jobs_leave_the_draws_of_the_first_as_they_are(spec: dict[str, object]) -> None:
    distribution = READ.validate_python(spec)
    few, many = (distribution.draw(np.random.default_rng(9), n) for n in (50, 5000))

    assert many[:50].tolist() == few.tolist()


@pytest.mark.parametrize("cv", [1e-6, 1e-3, 0.1, 3.0, 30.0, 100.0])
def test_a_weibull_has_its_variation_however_large_or_small(cv: float) -> None:
    """The gamma functions at its shape give it back."""
    from scipy.special import gammaln

    power = 1 / READ.validate_python({"distribution": "weibull", "mean_s": 1.0, "cv": cv}).shape
    scv = np.expm1(gammaln(1 + 2 * power) - 2 * gammaln(1 + power))

    assert scv == pytest.approx(cv**2, rel=1e-3)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"distribution": "exponential", "mean_s": -1}, "greater than 0"),
        ({"distribution": "exponential", "mean_s": float("nan")}, "finite"),
        ({"distribution": "lognormal", "mean_s": 1}, "required"),
        ({"distribution": "uniform", "low_s": 2, "high_s": 1}, "should not exceed"),
        ({"distribution": "bell", "mean_s": 1}, "does not match any of the expected tags"),
        ({"distribution": "weibull", "mean_s": 1}, "required"),
        ({"distribution": "weibull", "mean_s": 1, "cv": 0}, "greater than or equal to 0.000001"),
        ({"distribution": "pareto", "mean_s": 1}, "required"),
        ({"distribution": "pareto", "mean_s": 1, "cv": 1}, "greater than 1"),
        ({"distribution": "pareto", "mean_s": 1, "cv": 0.5}, "greater than 1"),
        ({"distribution": "pareto", "mean_s": 0, "cv": 2}, "greater than 0"),
        ({"distribution": "hyperexponential", "mean_s": 1, "cv": 1}, "greater than 1"),
        ({"distribution": "hyperexponential", "mean_s": 1, "cv": 101}, "less than or equal to 100"),
        ({"distribution": "mixture"}, "required"),
        ({"distribution": "mixture", "parts": []}, "at least 1 item"),
        ({"distribution": "mixture", "parts": [part(0.5)]}, "should add up to 1, not 0.5"),
        ({"distribution": "mixture", "parts": [part(0.7), part(0.7)]}, "add up to 1, not 1.4"),
        ({"distribution": "mixture", "parts": [part(1), part(0)]}, "greater than 0"),
        ({"distribution": "mixture", "parts": [{"share": 1}]}, "required"),
        ({"distribution": "empirical", "file": CHECKOUTS, "column": "fault"}, "_s or _ms"),
        ({"distribution": "empirical", "file": CHECKOUTS, "column": "tea_ms"}, "no column tea_ms"),
        ({"distribution": "empirical", "file": "nowhere.csv", "column": "x_s"}, "cannot be read"),
    ],
)
def test_what_cannot_be_drawn_is_refused(spec: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        READ.validate_python(spec)


@pytest.mark.parametrize("cell", ["soon", "-1", "nan", "inf", "1e10"])
def test_a_bad_cell_is_named_by_its_line(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "times.csv"
    file.write_text(f"job,took_s\n1,0.5\n2,{cell}\n")

    with pytest.raises(ValidationError, match=r"times\.csv:3: took_s"):
        READ.validate_python({"distribution": "empirical", "file": str(file), "column": "took_s"})


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("took_ms\n1000\n")
    measured = READ.validate_python(
        {"distribution": "empirical", "file": str(file), "column": "took_ms"}
    )
    assert measured.mean == 1.0
    file.write_text("took_ms\n1000\n3000\n")

    assert measured.mean == 2.0
