"""What people see: the table and the figure."""

import io
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest
from hand import NAN, big_log, hand_log, row
from matplotlib.figure import Figure
from rich.console import Console

from simqueue.errors import InputError
from simqueue.record.attempt_log import AttemptLog
from simqueue.results.drawing import in_style
from simqueue.results.plots import run_figure
from simqueue.results.style import OKABE_ITO, look
from simqueue.results.summary import summarise
from simqueue.results.table import report

SLOTS = {"order": 1, "email": 5}
WINDOW = (0.0, 600.0)


def seconds(t: float) -> str:
    return f"{t:,.0f} s"


def crowded(replication: int = 0) -> AttemptLog:
    """From 300 s on 40 orders of 5 s come at once, for one slot; an email follows each."""
    rows = []
    for n in range(40):
        end = 300 + 5 * (n + 1)
        more = {"replication": replication}
        rows.append(row(job=n, times=(300, 300, end - 5, end), **more))
        email = row(job=100 + n, queue="email", flow=n, parent=n, times=(end, end, end, end + 1))
        rows.append(email | more)
    return hand_log(*rows)


def plot_run(log: AttemptLog, path: Path, *given: object) -> str:
    """The figure of a run as a file, and its alternative text."""
    return in_style(lambda: run_figure(log, *given), path)[1]


def text_of(log: AttemptLog, width: int = 80, **more: object) -> str:
    summary = summarise(log, WINDOW, SLOTS)
    verdicts = ["The order queue needs 4 slots.", "The email queue has 5 slots and needs 1."]
    out = io.StringIO()
    Console(file=out, width=width).print(report(summary, "a crowd", verdicts=verdicts, **more))
    return out.getvalue()


def test_the_table_says_what_happened():
    text = " ".join(text_of(crowded(), warnings=["no steady state: far too much"]).split())
    assert "a crowd" in text
    assert "order 40 0 1.00 33 % 6.5 39 0 0" in text  # 200 s busy; 5 * (0 + ... + 39) / 600
    assert "order wait 97.5 s 3.09 min 3.22 min 3.25 min" in text  # 0, 5, ... 195 s
    assert "response 102 s 3.17 min 3.3 min 3.33 min" in text
    assert (
        "From order to the last email: mean 104 s, p95 3.19 min, max 3.35 min (40 flows)." in text
    )
    assert "The order queue needs 4 slots. The email queue has 5 slots and needs 1." in text
    assert "One replication: numbers come without an interval." in text
    assert "Warning: no steady state: far too much" in text
    assert "theory" not in text.lower()
    assert "Little" not in text


def test_the_table_has_intervals_and_theory_when_there_are_any():
    from simqueue.record.merging import merge

    theory = {"order": {"model": "M/M/1", "wait_mean_s": 0.25, "p_wait": 0.5}, "email": None}
    text = " ".join(text_of(merge([crowded(), crowded(1)]), theory=theory).split())
    assert "order wait 97.5 s 250 ms 3.09 min" in text
    assert "97.5–97.5 s" in text
    assert "2 replications: below each number its 95 % interval" in text
    assert "jobs attempts utili- queue delayed queue a run failed a job" in text
    assert "order 40 0 1.00 33 %" in text, "jobs are those of a run"
    assert "Theory: the mean wait in steady state of order M/M/1." in text
    assert "One replication" not in text


def test_the_table_fits_in_eighty_columns_and_is_plain_text_in_a_pipe():
    log = big_log(2000)
    text = text_of(log)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "\x1b" not in text


def test_long_names_and_empty_queues_still_fit():
    name = "a-queue-with-a-name-of-forty-characters--"
    log = hand_log(row(job=1, queue=name, times=(0, 0, 0, 1)), queues=(name, "idle"))
    text = text_of(log)
    assert max(map(len, text.splitlines())) <= 80
    assert "idle" in text
    assert "–" in text
    assert "From a-queue" in text


def test_what_was_cut_off_is_said():
    waits = row(job=1, times=(0, 0, NAN, NAN), outcome="")
    text = text_of(hand_log(waits, row(job=2, times=(0, 0, 1, 9))))
    assert "Little's law is off by" in text
    assert "(1 of 2 flows)" in text
    assert "From order to the end: none of 1 flow finished." in text_of(hand_log(waits))


def test_the_figure_states_the_finding(tmp_path):
    path = tmp_path / "run.png"
    text = plot_run(crowded(), path, WINDOW, SLOTS, seconds, "Orders wait.")
    assert text.startswith("Orders wait. Three charts")
    assert "Longest queue: order, 39 jobs at 300 s (means of 2.5 s)." in text
    assert "Longest wait: order, 3.25 min at 300 s." in text
    assert "for order and email" in text
    data = path.read_bytes()
    assert b"Description\x00" + text.encode("latin-1") in data
    height, width, _ = matplotlib.image.imread(path).shape
    assert (width, height) == (1350, 1425)  # 9 by 9.5 inches at 150 dpi
    assert [found.name for found in tmp_path.iterdir()] == ["run.png"]
    plot_run(crowded(), tmp_path / "again.png", WINDOW, SLOTS, seconds, "Orders wait.")
    assert (tmp_path / "again.png").read_bytes() == data


def test_the_figure_shows_what_it_says(tmp_path):
    figure, text = run_figure(crowded(), WINDOW, SLOTS, seconds, short_s=[(300, 330)])
    assert text.startswith("Longest wait: order, 3.25 min at 300 s."), "without a finding"
    arrivals, lengths, waits = figure.axes
    assert [axes.get_ylabel().split(" (")[0] for axes in figure.axes] == [
        "jobs a minute",
        "jobs waiting",
        "wait",
    ]
    # Ten mean services of 3 s make windows of 30 s: 40 orders in one of them are 80 a minute.
    assert max(arrivals.lines[0].get_ydata()) == pytest.approx(80)
    assert max(lengths.lines[0].get_ydata()) == pytest.approx(39)
    assert max(y for y in waits.lines[1].get_ydata() if y == y) == pytest.approx(195)
    styles = {(line.get_color(), line.get_linestyle()) for line in arrivals.lines}
    assert len(styles) == 2
    assert len(arrivals.patches) == 1  # the one window with too much work is shaded


@pytest.mark.parametrize(
    ("log", "window"),
    [
        (hand_log(), (0, 10)),
        (hand_log(row(job=1, times=(0, 0, NAN, NAN), outcome="")), (0, 1)),
        (hand_log(row(job=1, times=(5, 5, 5, 5))), (0, 0.01)),
        (hand_log(row(job=1, times=(5, 5, 6, 7))), (0, 40 * 86_400)),
        (hand_log(row(job=1, times=(1, 1, 1.5, 2))), (0.5, 3.5)),
    ],
)
def test_any_run_can_be_drawn(log, window):
    """Down to the last label; the pixels would take as long again."""

    def draw() -> tuple[Figure, str]:
        figure, text = run_figure(log, window, SLOTS, seconds)
        figure.draw_without_rendering()
        return figure, text

    assert in_style(draw)[1]


def blank() -> tuple[Figure, str]:
    return Figure(), "nothing"


def test_a_warm_up_is_shown_where_it_was_found():
    figure, _ = run_figure(crowded(), WINDOW, SLOTS, seconds, warmup_s=60.0)
    (left_out,) = figure.axes[0].patches
    assert (left_out.get_x(), left_out.get_width()) == (0.0, 60.0)


@pytest.mark.parametrize("name", ["none/run.png", "run.svg", "run", "."])
def test_a_plot_that_cannot_be_written_is_said(tmp_path, name):
    with pytest.raises(InputError, match="cannot write the plot"):
        in_style(blank, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_place_for_a_plot(tmp_path):
    (tmp_path / "run.png").mkdir()
    with pytest.raises(InputError, match="directory"):
        in_style(blank, tmp_path / "run.png")


def test_seven_queues_look_different_without_colour():
    looks = [look(n) for n in range(7)]
    for key in ("color", "linestyle", "marker"):
        assert len({str(one[key]) for one in looks}) == 7
    assert {one["color"] for one in looks} < set(OKABE_ITO.values())
    assert look(7) == look(0)


def test_matplotlib_waits_until_it_is_needed():
    code = (
        "import sys, simqueue.results.table, simqueue.results.plots, simqueue.results.formulas;"
        "print([m for m in ('matplotlib', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"


def test_a_title_is_about_what_the_figure_shows():
    """Lost jobs come first among the verdicts, and no panel shows them."""
    import simqueue as sq

    scenario = sq.read_scenario("outage.toml")
    run = sq.simulate(scenario)
    assert "failed for good" in run.finding()
    title = run.plot().get_suptitle().replace("\n", " ")
    assert title == run.finding(lost=False) != run.finding()


@pytest.mark.parametrize("pools", ["one", "two"])
def test_a_legend_of_workers_hides_no_line(pools):
    """A single pool is named by the title; the legend of several stands above all lines."""
    import simqueue as sq

    scaled = {"queues": {"q": 1}, "schedule": [[0, 1], [20, 3], [40, 1]]}
    names = {"one": ["a"], "two": ["a", "b"]}[pools]
    run = sq.simulate(
        sq.build_scenario(
            {
                "duration_s": 60,
                "arrivals": {"q": {"rate_per_s": 2}},
                "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 0.1}}},
                "pools": dict.fromkeys(names, scaled),
            }
        )
    )
    figure = run.plot()
    figure.draw_without_rendering()
    panel = figure.axes[3]
    legend = panel.get_legend()
    assert (legend is not None) == (pools == "two")
    if legend:
        below = legend.get_window_extent().y0
        tops = [panel.transData.transform((0, max(line.get_ydata())))[1] for line in panel.lines]
        assert max(tops) < below
