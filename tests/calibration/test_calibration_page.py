"""A calibration as a page: its answer says where the model fits, and its figure shows it."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from simqueue.calibration.figure import fit_figure
from simqueue.calibration.fit import ENOUGH, Fit
from simqueue.calibration.tables import fit_sentence


def fit(queue: str, model: float = 10.0, jobs: int = ENOUGH, priority: int | None = None) -> Fit:
    """Waits of 10 s, and so many seconds in the model; responses of 20 s in both."""
    waits = dict.fromkeys(("mean", "p95", "p99"), (10.0, model))
    return Fit(queue, priority, jobs, waits, dict.fromkeys(waits, (20.0, 20.0)))


WITHIN = (
    "Given the very same jobs, p95 of wait and response is within 10 % or 5 ms of what was seen"
)


@pytest.mark.parametrize(
    ("fits", "said"),
    [
        ([fit("a", 10.9)], f"{WITHIN} in a."),
        ([fit("a"), fit("b", 9.1)], f"{WITHIN} in all 2 queues."),
        (
            [fit("a"), fit("b", 12.0)],
            f"{WITHIN} in 1 of 2 queues; not in b (p95 wait 10 s seen, 12 s in the model).",
        ),
        # A priority is no queue, and a queue of a few jobs is not judged.
        (
            [fit("a"), fit("a", 12.0, priority=1), fit("b", 12.0, jobs=ENOUGH - 1)],
            f"{WITHIN} in a (1 queue had fewer than 100 jobs).",
        ),
        (
            [fit("a", jobs=ENOUGH - 1)],
            "No queue had 100 jobs, too few to judge the model by.",
        ),
    ],
)
def test_the_answer_says_where_the_model_fits(fits: list[Fit], said: str) -> None:
    assert fit_sentence(fits) == said


def test_the_figure_has_a_mark_for_each_time_and_shows_which_are_off() -> None:
    figure, text = fit_figure([fit("a"), fit("b", 12.0), fit("b", priority=3)])
    waits, responses = figure.axes

    def marks(axes: mpl.axes.Axes, marker: str) -> list[tuple[float, float]]:
        lines = [
            line for line in axes.lines if line.get_marker() == marker and len(line.get_xdata())
        ]
        return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]

    assert marks(waits, "o") == [(10.0, row) for row in range(9)]
    assert marks(waits, "x") == [(10.0, row) for row in (0, 1, 2, 6, 7, 8)]
    assert marks(waits, "D") == [(12.0, row) for row in (3, 4, 5)]
    assert marks(responses, "x") == [(20.0, row) for row in range(9)]
    labels = [label.get_text() for label in waits.get_yticklabels()]
    assert labels[::3] == ["a  mean", "b  mean", "b, priority 3  mean"]
    assert "not in b" in text


def test_of_many_the_figure_has_the_queues_with_the_most_jobs() -> None:
    fits = [fit(f"q{n}", jobs=ENOUGH + n) for n in range(14)] + [fit("q0", priority=1)]
    figure, text = fit_figure(fits)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]

    assert labels[::3] == [f"q{n}  mean" for n in range(2, 14)]
    assert text.endswith("The 12 with the most jobs.")
