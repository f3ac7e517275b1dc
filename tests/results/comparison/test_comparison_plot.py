"""The figure of a comparison."""

from pathlib import Path

import matplotlib.image
import pytest
from hand import hand_log, row
from two_sides import scenario, steady

from simqueue.errors import InputError
from simqueue.results.comparison.plot import comparison_figure, plot_comparison


def test_the_figure_states_the_finding(tmp_path: Path):
    path = tmp_path / "both.png"
    text = plot_comparison(steady(100), steady(100, service_s=1.01), scenario(), path)
    assert text.startswith(
        "The model's mean response is within 0.7 % of the real queue's, its p99 within 0.7 %."
    )
    assert "order: mean +0.67 %, p99 +0.67 %." in text
    assert "order: queue length, mean 0.5 real, 0.5 in the model." in text
    data = path.read_bytes()
    assert b"Description\x00" + text.encode("latin-1") in data
    height, width, _ = matplotlib.image.imread(path).shape
    assert (width, height) == (1800, 690)  # 12 by 4.6 inches at 150 dpi
    plot_comparison(steady(100), steady(100, service_s=1.01), scenario(), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == data


def test_the_figure_shows_what_it_says():
    figure, _ = comparison_figure(steady(100), steady(100, service_s=2), scenario())
    quantiles, lengths = figure.axes
    assert quantiles.get_xlim() == quantiles.get_ylim()
    lines = {line.get_label(): line for line in quantiles.get_lines()}
    assert set(lines) == {"equal", "quantiles", "median", "p95", "p99"}
    assert lines["p99"].get_xdata() == pytest.approx([1.5])
    assert lines["p99"].get_ydata() == pytest.approx([2.5])
    low, high = quantiles.get_xlim()
    assert low < 1.5 < 2.5 < high
    assert quantiles.get_xscale() == "linear"
    assert [line.get_label() for line in lengths.get_lines()] == ["real queue", "model"]
    # Colour is not all that tells them apart.
    assert len({line.get_linestyle() for line in lengths.get_lines()}) == 2
    assert lengths.get_ylim()[1] >= 1


def test_times_of_several_sizes_have_log_axes():
    jobs = [row(job=n, times=(0, 0, 0, 0.01 * 1.2**n)) for n in range(50)]
    figure, _ = comparison_figure(hand_log(*jobs), hand_log(*jobs), scenario())
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert "100 ms" in labels


@pytest.mark.parametrize("service_s", [0.0, 0.001])
def test_times_that_do_not_vary_can_be_drawn(tmp_path, service_s):
    log = steady(10, service_s=service_s, wait_s=0.0)
    plot_comparison(log, log, scenario(), tmp_path / "both.png")


def test_nothing_can_be_drawn(tmp_path):
    text = plot_comparison(hand_log(), hand_log(), scenario(), tmp_path / "none.png")
    assert text.startswith("There is no response time to compare.")
    text = plot_comparison(steady(3), hand_log(), scenario(), tmp_path / "one.png")
    assert text.startswith("In the order queue only one side has response times")
    figure, _ = comparison_figure(steady(3), hand_log(), scenario())
    (words,) = (found.get_text() for found in figure.axes[0].texts)
    assert words == "no response times to compare"


def test_a_figure_is_a_png(tmp_path):
    with pytest.raises(InputError, match=r"expected a name that ends in \.png"):
        plot_comparison(steady(3), steady(3), scenario(), tmp_path / "both.pdf")
