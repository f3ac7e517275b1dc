"""An attempt log as an animation: jobs wait, take slots, back off and try again.

It is a page of its own, in a frame: no style of the notebook reaches in, no script reaches out,
and several of them do not meet.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from simqueue.course.display import folded, prose, show, table
from simqueue.course.film import Film, Track
from simqueue.course.filming import take
from simqueue.errors import InputError
from simqueue.record.attempt_log import AttemptLog

_STATIC = Path(__file__).with_name("static")
_ROWS = 10
#: Where a notebook is not trusted, its frames are left out and this stays.
_UNSEEN = "Run this cell to see the animation."


def animate(
    log: AttemptLog,
    queue: str | None = None,
    *,
    finding: str = "",
    start_s: float | None = None,
    duration_s: float | None = None,
    seconds: float = 30.0,
) -> None:
    """Show the jobs of a log moving through queue, slots and backoff.

    It does not start by itself: there is a button, and a slider for the time. At most 600 jobs are
    shown; where more come, the animation ends before and says so.

    Parameters
    ----------
    log
        Of whichever engine. Of several replications, the first is shown.
    queue
        Which queue; needed if the log has several.
    finding
        The title: what is to be seen, as a sentence.
    start_s
        From when on, seconds of the log; by default from the first job.
    duration_s
        For how long, seconds of the log; by default to the end.
    seconds
        How long the animation takes to watch.

    Raises
    ------
    InputError
        If there is no such queue, or nothing to show then.
    """
    if not seconds > 0:
        raise InputError(f"seconds: {seconds!r}: expected more than 0")
    film = take(log, queue, start_s=start_s, duration_s=duration_s)
    page = page_of(film, finding, seconds).replace("&", "&amp;").replace('"', "&quot;")
    title = html.escape(f"{finding} {film.words}".strip())
    frame = (
        f'<iframe srcdoc="{page}" title="{title}" sandbox="allow-scripts" style="width: 100%; '
        f'max-width: 60rem; height: {_height(film, finding)}px; border: 0">{_UNSEEN}</iframe>'
    )
    below = folded("This animation in words and numbers", prose(film.words) + _numbers(film))
    show(frame + below, film.words)


def page_of(film: Film, finding: str = "", seconds: float = 30.0) -> str:
    """The page that plays a film; it needs nothing beside itself."""
    data = {
        "start_s": film.start_s,
        "tick_s": film.tick_s,
        "ticks": film.ticks,
        "before": film.before,
        "seconds": seconds,
        "workers": film.workers,
        "jobs": [_short(track) for track in film.tracks],
    }
    # Nothing that a log says can end the script.
    script = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(finding or f"Queue {film.queue}"),
        "WORDS": html.escape(film.words),
        "STYLE": _text("animation.css"),
        "FILM": script,
        "SCRIPT": _text("animation.js"),
    }
    return re.sub(r"\[\[([A-Z]+)\]\]", lambda found: parts[found[1]], _text("animation.html"))


def _text(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _short(track: Track) -> list[int]:
    """By turns how many ticks later, and where; a hundred more for each attempt further."""
    pairs = []
    tick, attempt = 0, 0
    for at, place, number in zip(track.ticks, track.places, track.attempts, strict=True):
        pairs += [at - tick, place + 100 * (number - attempt)]
        tick, attempt = at, number
    return pairs


def _height(film: Film, finding: str) -> int:
    """Pixels that suffice on a narrow screen, where everything stands below each other."""
    rows = min(max(2, film.peak[0] // 18 + 1), 10)
    boxes = sum(1 + (slots - 1) // 9 for _, slots in film.workers)
    title = len(finding or film.queue) // 40 + 1
    return 320 + 19 * rows + 24 * title + 34 * boxes + 20 * len(film.workers)


def _numbers(film: Film) -> str:
    moments = [film.ticks * row / _ROWS for row in range(_ROWS + 1)]
    rows = []
    for tick in moments:
        found = film.counts(tick)
        numbers = (found.waiting, found.at_work, found.in_backoff, found.completed, found.failed)
        rows.append([film.clock(tick), *map(str, numbers)])
    head = ["time", "waiting", "at work", "in backoff", "completed", "failed"]
    return table(head, rows)
