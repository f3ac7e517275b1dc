"""The options that several commands have: said once, so that one name means one thing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simqueue.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simqueue.workload.changes import Change

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="Write a report to show others: one file with question, answer, figures, assumptions.",
    ),
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Listen on this port; 0 takes a free one.")
]

# ---- of a scenario

Workers = Annotated[
    int | None, typer.Option(metavar="N", help="Set how many worker processes there are.")
]
Concurrency = Annotated[
    int | None, typer.Option(metavar="N", help="Set the slots of each worker, for each queue.")
]
Duration = Annotated[
    float | None, typer.Option(metavar="S", help="Stop arrivals after so many seconds.")
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Set the number that fixes every draw.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change any key, such as queues.order.attempts=5."
    ),
]

#: Where a flag's value goes.
_KEYS = {
    "workers": "workers.count",
    "concurrency": "workers.concurrency",
    "mode": "mode",
    "duration": "duration_s",
    "warmup": "warmup_s",
    "seed": "seed",
    "client": "bullmq.client",
}


def changes_of(set_: list[str] | None, **flags: Any) -> list[Change]:
    """What ``--set`` and the flags that were given say, in the words to blame."""
    from simqueue.workload.changes import Change, parse_set, path_of

    found = [parse_set(text) for text in set_ or []]
    for flag, value in flags.items():
        if value is not None:
            found.append(Change(path_of(_KEYS[flag]), value, f"--{flag} {value}"))
    return found


# ---- of many runs

Cores = Annotated[
    int | None, typer.Option(metavar="N", help="Use so many processes. [default: all cores]")
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Use a Dask scheduler instead, such as tcp://10.0.0.5:8786."
    ),
]

# ---- of a question about targets

Targets = Annotated[
    list[str] | None,
    typer.Option(
        metavar="'QUEUE.MEASURE < N UNIT'",
        help="Say what has to hold, such as 'order.response.p95 < 10s' or 'payment.failed < 5'; "
        "may be repeated: all have to hold.",
    ),
]
Traffic = Annotated[
    float, typer.Option(metavar="X", help="Take so many times the arrivals, in the day's shape.")
]
Kept = Annotated[
    float,
    typer.Option(metavar="SHARE", help="Set the share of the days on which targets have to hold."),
]
Most = Annotated[int, typer.Option(metavar="N", min=1, help="Look no further than this number.")]

# ---- of a real queue

Redis = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Run on the Redis at this address. "
        "[default: QUEUE_REDIS_URL, else a redis-server started for "
        "the run, else fakeredis in this process]",
    ),
]
Client = Annotated[
    str | None,
    typer.Option(
        metavar="python|node",
        help="Choose whose workers run: simqueue's own, or Node's of an installed bullmq 5 or 6.",
    ),
]
NodeModules = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Say where Node's bullmq is installed. [default: ./node_modules]"
    ),
]
Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        metavar="NAME",
        help="Take this BullMQ queue; may be repeated. [default: order, payment, email]",
    ),
]
Prefix = Annotated[str, typer.Option(help="Say what the queues' keys in Redis begin with.")]

# ---- of a comparison

Tolerance = Annotated[
    str,
    typer.Option(
        metavar="SHARE",
        help="Set how far the model may be off: 5%, or response.mean=2%,response.p99=5%,jobs=0. "
        "[default: the latter]",
    ),
]
ComparisonPlot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE.png", help="Draw quantiles and queue lengths of both."),
]


def tolerances_of(text: str) -> Mapping[str, float]:
    """What ``--tolerance`` says."""
    from simqueue.results.comparison.tolerances import DEFAULT_TOLERANCES, parse_tolerances

    return parse_tolerances(text) if text else DEFAULT_TOLERANCES


def check_speed(speed: float) -> None:
    """Refuse a ``--speed`` that nothing can have."""
    if not 0 < speed < float("inf"):
        raise InputError(f"--speed {speed}: expected a number above 0")
