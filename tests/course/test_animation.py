"""Animations: every number is the log's, and the page works in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chromium import Page

from simqueue import AttemptLog, simulate
from simqueue.course import animate, display
from simqueue.course.animation import page_of
from simqueue.course.film import AT_WORK, DELAYED, DONE, PUT_BACK, WAITING, Counts, Film
from simqueue.course.filming import take
from simqueue.errors import InputError
from simqueue.record.attempt_log import COLUMNS
from simqueue.record.table import from_frame
from simqueue.workload.reading import build_scenario

NAN = float("nan")


def simulated(**queue: Any) -> AttemptLog:
    """Two workers of three slots that are nearly too few, three attempts in ten failing."""
    scenario = build_scenario(
        {
            "seed": 3,
            "duration_s": 90,
            "workers": {"count": 2, "concurrency": 3},
            "arrivals": {"order": {"rate_per_s": 2.2}},
            "queues": {
                "order": {
                    "attempts": 2,
                    "backoff": {"type": "exponential", "delay_ms": 3000},
                    "failure_rate": 0.3,
                    "follow_up": {},
                    "service": {"distribution": "exponential", "mean_s": 2.0},
                    **queue,
                }
            },
        }
    )
    return simulate(scenario, replications=2).log


@pytest.fixture(scope="module")
def log() -> AttemptLog:
    return simulated()


def by_hand(*rows: tuple[Any, ...]) -> AttemptLog:
    """Of (job, attempt, run, enqueued, ready, started, finished, outcome, worker, slot)."""
    words = ("job_id", "attempt", "run", "enqueued_s", "ready_s", "started_s", "finished_s")
    table = pd.DataFrame(rows, columns=[*words, "outcome", "worker", "slot"])
    table = table.assign(engine="by-hand", replication=0, queue="q", name="x", result="")
    table = table.assign(flow=table["job_id"], parent_id="")
    return from_frame(table[list(COLUMNS)])


def counted(log: AttemptLog, moment_s: float) -> Counts:
    """Count the first replication's jobs at a moment, straight from the table."""
    table = log.frame().query("replication == 0")
    last = table.sort_values("attempt").groupby("job_id", observed=True).tail(1)
    over = last[last["finished_s"] <= moment_s]
    begun = table["started_s"].fillna(np.inf) <= moment_s
    ended = table["finished_s"].fillna(np.inf) <= moment_s
    ready = table["ready_s"] <= moment_s
    arrived = last["enqueued_s"] <= moment_s
    waiting, at_work = int((ready & ~begun).sum()), int((begun & ~ended).sum())
    return Counts(
        waiting=waiting,
        at_work=at_work,
        in_backoff=int(arrived.sum()) - waiting - at_work - len(over),
        completed=int((over["outcome"] == "completed").sum()),
        failed=int((over["outcome"] == "failed").sum()),
    )


@pytest.mark.parametrize("window", [(None, None), (0.0, 60.0), (37.5, 20.0)])
def test_every_count_is_that_of_the_log(
    log: AttemptLog, window: tuple[float | None, float | None]
) -> None:
    film = take(log, start_s=window[0], duration_s=window[1])

    found = {tick: film.counts(tick) for tick in np.linspace(0, film.ticks, 97).round().tolist()}

    assert found == {tick: counted(log, film.moment_s(tick) + 1e-9) for tick in found}
    last = found[film.ticks]
    assert last.completed > 80
    assert last.failed > 0
    assert max(each.in_backoff for each in found.values()) > 2
    assert film.peak[0] > 5


def test_the_peak_is_where_it_says(log: AttemptLog) -> None:
    film = take(log)
    most, tick = film.peak

    assert film.counts(tick).waiting == most
    assert film.counts(tick - 1).waiting < most
    assert all(film.counts(tick).waiting <= most for tick in range(0, film.ticks, 5000))


def test_attempts_are_counted(log: AttemptLog) -> None:
    for track in take(log, start_s=30, duration_s=30).tracks:
        for before, after, place in zip(
            track.attempts, track.attempts[1:], track.places, strict=False
        ):
            assert after == before + (place == DELAYED)


def test_a_job_on_a_dead_worker_is_put_back_and_runs_again() -> None:
    film = take(
        by_hand(
            ("a", 1, 1, 0.0, 0.0, 1.0, 40.0, "stalled", "w", 0),
            ("a", 1, 2, 0.0, 40.0, 41.0, 42.0, "completed", "w", 0),
            ("b", 1, 1, 0.0, 0.0, 20.0, 30.0, "completed", "w", 0),
        )
    )

    stalled, other = film.tracks
    # The slot took another job at 20 s: from then on the stalled one is nobody's.
    assert stalled.places == (WAITING, AT_WORK, PUT_BACK, WAITING, AT_WORK, DONE)
    assert [film.moment_s(tick) for tick in stalled.ticks] == pytest.approx([0, 1, 20, 40, 41, 42])
    assert stalled.attempts == (1,) * 6
    assert other.places == (WAITING, AT_WORK, DONE)


def test_what_had_not_ended_goes_on_to_the_end() -> None:
    film = take(
        by_hand(
            ("a", 1, 1, 0.0, 0.0, 1.0, NAN, "", "w", 0),
            ("b", 1, 1, 0.0, 0.0, NAN, NAN, "", "", None),
            ("c", 1, 1, 0.0, 5.0, 5.0, 6.0, "retried", "w", 1),
        )
    )

    assert film.counts(0) == Counts(waiting=2, at_work=0, in_backoff=1, completed=0, failed=0)
    assert film.counts(film.ticks) == Counts(1, 1, 1, 0, 0)


def test_a_job_that_stalled_too_often_fails_without_a_start() -> None:
    film = take(by_hand(("a", 1, 1, 0.0, 0.0, NAN, 3.0, "failed", "", None)))

    assert film.counts(film.ticks - 1).waiting == 1
    assert film.counts(film.ticks).failed == 1


def test_too_many_jobs_end_it_early() -> None:
    rows = [(str(n), 1, 1, n, n, n, n + 0.5, "completed", "w", 0) for n in range(1000)]

    film = take(by_hand(*rows))

    assert len(film.tracks) == 600
    assert film.moment_s(film.ticks) == pytest.approx(600, abs=0.1)
    assert film.counts(film.ticks).completed == 600
    assert "600 jobs are all it can show" in film.words
    assert "600 jobs are all" not in take(by_hand(*rows), duration_s=500).words


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"queue": "email"}, "queue 'email': expected one of order"),
        ({"start_s": 500.0}, "came and went from"),
        ({"start_s": 500.0, "duration_s": 5.0}, "no job is in queue order at 500 s"),
        ({"duration_s": 0.0}, "came and went from"),
        ({"seconds": 0.0}, "expected more than 0"),
    ],
)
def test_it_says_what_it_cannot_show(log: AttemptLog, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        animate(log, **arguments)


def test_a_log_of_several_queues_wants_a_choice() -> None:
    row = ("a", 1, 1, 0.0, 0.0, 1.0, 2.0, "completed", "w", 0)
    table = by_hand(row, ("b", *row[1:])).frame()
    both = from_frame(table.assign(queue=["order", "email"]))

    with pytest.raises(InputError, match="queue None: expected one of order, email"):
        take(both)
    assert take(both, "email").queue == "email"


def test_a_crowd_at_the_start_is_an_error() -> None:
    crowd = by_hand(*[(str(n), 1, 1, 0, 0, NAN, NAN, "", "", None) for n in range(601)])

    with pytest.raises(InputError, match="more than 600 jobs"):
        take(crowd, duration_s=5.0)


def shown(log: AttemptLog, **arguments: Any) -> tuple[str, str]:
    with display.kept() as things:
        animate(log, **arguments)
    ((data, _),) = things
    return data["text/html"], data["text/plain"]


def test_it_is_small_self_contained_and_always_the_same(log: AttemptLog) -> None:
    markup, text = shown(log, finding="Retries come back.", start_s=20, duration_s=60)

    assert (markup, text) == shown(log, finding="Retries come back.", start_s=20, duration_s=60)
    assert len(markup) < 30_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|\bsrc=", markup)
    assert 'sandbox="allow-scripts"' in markup
    assert f'title="Retries come back. {text}"' in markup
    assert "This animation in words and numbers" in markup
    assert text.startswith("Animation of queue order from 20.0 s to 80.0 s: ")


def test_names_are_text(page: Page, tmp_path: Path) -> None:
    evil = '</script><script>document.title = "evil"</script><b>&quot;'
    log = by_hand((evil, 1, 1, 0.0, 0.0, 1.0, 2.0, "completed", evil, 0))

    film = take(log)
    opened(page, tmp_path, page_of(film, finding=evil + "[[SCRIPT]]"))

    assert page.value("document.title") == evil + "[[SCRIPT]]"
    assert page.value("document.querySelector('.worker span').textContent") == f"worker {evil}"


def opened(page: Page, folder: Path, markup: str) -> None:
    file = folder / "page.html"
    file.write_text(markup, encoding="utf-8")
    page.open(file.as_uri())


def numbers(page: Page) -> Counts:
    ids = ("waiting", "working", "delayed", "done", "failed")
    texts = page.value(f"{list(ids)}.map(id => document.querySelector(`#${{id}} b`).textContent)")
    return Counts(*map(int, texts))


def go(page: Page, position: int) -> None:
    page.value(f"slider.value = {position}, slider.dispatchEvent(new Event('input')), 0")


@pytest.fixture
def film(log: AttemptLog) -> Film:
    return take(log, start_s=20, duration_s=60)


def test_the_page_shows_the_numbers_of_the_log(
    page: Page, tmp_path: Path, log: AttemptLog, film: Film
) -> None:
    opened(page, tmp_path, page_of(film))

    for position in (0, 57, 100, 200, 399, 400):
        go(page, position)
        moment_s = 20 + position / 400 * 60
        assert numbers(page) == counted(log, moment_s + 1e-9)
        assert page.value("document.querySelector('#clock').textContent") == f"{moment_s:.1f} s"
        drawn = "[...document.querySelectorAll('#jobs g')].filter(g => g.style.opacity === '1')"
        here = numbers(page)
        assert page.value(f"{drawn}.length") == here.waiting + here.at_work + here.in_backoff
        said = page.value("slider.getAttribute('aria-valuetext')")
        assert f"{here.waiting} waiting, {here.at_work} at work" in said
    assert not page.errors
    assert len(page.requests) == 1


def test_play_and_stop_by_keyboard(page: Page, tmp_path: Path, log: AttemptLog, film: Film) -> None:
    opened(page, tmp_path, page_of(film, seconds=20))
    assert page.value("now") == 0  # it does not start by itself

    page.press("Tab")
    assert page.value("document.activeElement.id") == "play"
    page.press("Enter")
    page.until("now > 3 / film.tick_s")
    assert page.value("play.innerText.trim()") == "■ Stop"
    page.press("Enter")
    tick = page.value("now")
    assert 3 / film.tick_s < tick < film.ticks
    assert page.value("new Promise(done => setTimeout(() => done(now), 100))") == tick
    assert numbers(page) == counted(log, film.moment_s(tick) + 1e-9) == film.counts(tick)
    assert page.value("document.querySelector('#news').textContent").startswith(film.clock(tick))

    page.press("Tab")
    assert page.value("document.activeElement.id") == "time"
    page.press("Home")
    page.press("ArrowRight")
    assert page.value("now") == film.ticks / 400
    page.press("End")
    assert numbers(page) == film.counts(film.ticks)
    page.press("Tab", shift=True)
    page.press(" ")  # at the end, play begins again
    page.until("now > 0 && now < film.ticks / 2")
    assert not page.errors


def test_it_plays_to_the_end_and_stops(page: Page, tmp_path: Path, film: Film) -> None:
    opened(page, tmp_path, page_of(film, seconds=0.5))

    page.value("play.click()")
    page.until("now === film.ticks && play.innerText.includes('Play')")
    assert numbers(page) == film.counts(film.ticks)


def test_the_slider_can_be_dragged(page: Page, tmp_path: Path, log: AttemptLog, film: Film) -> None:
    page.look(390, height=500)
    opened(page, tmp_path, page_of(film))

    left, y, width = page.value(
        "(b => [b.left, b.top + b.height / 2, b.width])(slider.getBoundingClientRect())"
    )
    page.drag((left + 8, y), (left + width / 2, y))

    tick = page.value("now")
    assert tick / film.ticks == pytest.approx(0.5, abs=0.02)
    assert numbers(page) == counted(log, film.moment_s(tick) + 1e-9)


def test_with_reduced_motion_nothing_glides(page: Page, tmp_path: Path, film: Film) -> None:
    page.look(1280, reduced=True)
    opened(page, tmp_path, page_of(film))

    page.value("play.click()")
    page.until("now > 0")
    moved = page.value("[0, 1, 2, 3].map(() => now)")
    assert len(set(moved)) == 1
    style = "getComputedStyle(document.querySelector('#jobs g'))"
    assert page.value(f"{style}.transitionDuration") == "0s"
    page.value("play.click()")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_everything_is_inside_its_box(page: Page, tmp_path: Path, film: Film, width: int) -> None:
    markup, _ = shown(simulated(), start_s=20, duration_s=60, finding="Retries come back.")
    frame = re.search(r'srcdoc="([^"]*)" .* height: (\d+)px; border: 0', markup, re.DOTALL)
    assert frame
    height = int(frame[2])
    page.look(width, height=height)
    opened(page, tmp_path, unescape(frame[1]))
    tick = film.peak[1]
    go(page, round(tick / film.ticks * 400))

    root = "document.documentElement"
    assert page.value(f"{root}.scrollWidth") <= width
    assert page.value(f"{root}.scrollHeight") <= height
    outside = """(() => {
      const inside = (room, box) => box.left >= room.left - 1 && box.right <= room.right + 1
        && box.top >= room.top - 1 && box.bottom <= room.bottom + 1;
      const room = look => document.querySelector(`#${look}`).getBoundingClientRect();
      return [...document.querySelectorAll('#jobs g')].filter(g => g.style.opacity === '1')
        .filter(g => { const path = g.querySelector('path');
          return !inside(room(path.getAttribute('class')), path.getBoundingClientRect()); }).length;
    })()"""
    assert page.value(outside) == 0
    texts = "[...document.querySelectorAll('section, button, output')]"
    cut = f"{texts}.filter(e => e.scrollWidth > e.clientWidth + 2).map(e => e.id)"
    assert page.value(cut) == []


def test_slots_stand_below_the_workers_name_and_in_one_row(
    page: Page, tmp_path: Path, film: Film
) -> None:
    page.look(1280, height=500)
    opened(page, tmp_path, page_of(replace(film, workers=(("0", 10), ("1", 3)))))

    for worker, many in enumerate((10, 3)):
        one = f"document.querySelectorAll('.worker')[{worker}]"
        bottom = page.value(f"{one}.querySelector('span').getBoundingClientRect().bottom")
        slots = f"[...{one}.querySelectorAll('.slot')]"
        tops = page.value(f"{slots}.map(slot => slot.getBoundingClientRect().top)")
        assert len(tops) == many
        assert len(set(tops)) == 1
        assert tops[0] >= bottom


def test_several_on_one_page_do_not_meet(page: Page, tmp_path: Path, log: AttemptLog) -> None:
    one, _ = shown(log, start_s=20, duration_s=30)
    two, _ = shown(log, start_s=50, duration_s=30)
    opened(page, tmp_path, f"<!doctype html><title>both</title>{one}{two}")

    assert page.value("document.querySelectorAll('iframe').length") == 2
    assert page.value("document.querySelectorAll('[id]').length") == 0
    assert page.value("typeof film") == "undefined"
    assert not page.errors
