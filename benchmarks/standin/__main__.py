"""Play a day of a company's queues on Node's BullMQ, and print the truth about it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from benchmarks.standin.day import Outage, play_day
from benchmarks.standin.packages import bullmq_of
from benchmarks.standin.truth import Truth
from simqueue.errors import InputError, SimqueueError
from simqueue.safe_text import masked_url
from simqueue.validation.node.installed import MAJORS
from simqueue.validation.server import open_server


def main(arguments: list[str] | None = None) -> int:
    """Play; the exit code is 2 for bad input and 1 where a day does not get to its end."""
    options = _options().parse_args(arguments)
    try:
        outage = options.outage and Outage.parse(options.outage)
        bullmq = bullmq_of(options.node_modules, options.bullmq)
        folder = options.folder or Path(tempfile.mkdtemp(prefix="simqueue-standin-"))
        with open_server(options.redis) as server:
            where = f"{masked_url(server.url)}, prefix {options.prefix}, {bullmq.words}"
            print(f"playing on {where}; the truth goes to {folder}", file=sys.stderr, flush=True)
            truth = play_day(
                folder, options.seed, options.day, options.traffic, options.minutes, outage,
                server.url, speed=options.speed, prefix=options.prefix, bullmq=bullmq,
            )  # fmt: skip
    except SimqueueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    print(shown(truth))
    return 0


def shown(truth: Truth) -> str:
    """Tables by queue and by priority, and how busy the machine was."""
    machine = truth.machine
    tables = (truth.summary(), truth.summary("queue", "priority"))
    return "\n\n".join(
        (
            *(table.to_string(float_format="{:.3f}".format) for table in tables),
            f"The machine: {machine.cores} cores, {machine.busy:.0%} busy "
            f"(under {machine.busy_p95:.0%} in 95 % of the seconds), {machine.node:.0%} by Node; "
            f"99 % of the attempts overran their time by less than {truth.overrun_p99_s:.4f} s.",
        )
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standin", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--day", type=int, default=1, help="another day has other customers")
    parser.add_argument("--traffic", type=_positive, default=1.0, metavar="TIMES")
    parser.add_argument("--minutes", type=_positive, default=10.0, help="a day is so long")
    parser.add_argument("--speed", type=_positive, default=1.0, metavar="TIMES",
                        help="everything goes so many times as fast")  # fmt: skip
    parser.add_argument("--outage", metavar="QUEUE:FROM:TO", help="in seconds of the day")
    parser.add_argument("--folder", type=Path, help="where the truth goes; by default a new one")
    parser.add_argument("--redis", metavar="URL", help="by default a private one")
    parser.add_argument("--prefix", default="bull", help="what the queues' keys begin with")
    parser.add_argument("--bullmq", type=int, choices=MAJORS, default=MAJORS[-1])
    parser.add_argument("--node-modules", type=Path, metavar="DIR",
                        help="with a bullmq in it; by default npm fills a cache")  # fmt: skip
    return parser


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")


if __name__ == "__main__":
    sys.exit(main())
