"""Scenarios on the real queue and in the model, and the table of docs/validation.md.

It takes about half an hour on a machine that has nothing else to do::

    python -m benchmarks.validation               # measure the queue's cost, run all, show a table
    python -m benchmarks.validation 08 09         # some
    python -m benchmarks.validation --write       # put the table into docs/validation.md
    python -m benchmarks.validation 02 09 --node-modules DIR5 DIR6   # with the workers of Node's
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.report import environment
from simqueue.results.comparison.compare import Comparison
from simqueue.results.comparison.table import comparison_markdown
from simqueue.results.comparison.tolerances import DEFAULT_TOLERANCES
from simqueue.results.wording import duration
from simqueue.validation.both import Validation, validate, with_overhead
from simqueue.validation.node.installed import find_bullmq
from simqueue.validation.overhead import measure_overhead
from simqueue.validation.server import open_server
from simqueue.workload.production import Overhead
from simqueue.workload.reading import read_scenario

FOLDER = Path(__file__).with_name("scenarios")
PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
_BETWEEN = r"(<!-- {0} -->\n).*(<!-- end of {0} -->\n)"


def main(arguments: list[str] | None = None) -> int:
    """Run them; the exit code is 1 if one is out of tolerance."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validation", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("numbers", nargs="*", help="which, such as 08; by default all")
    parser.add_argument("--redis", metavar="URL", help="the Redis; by default a private one")
    parser.add_argument(
        "--node-modules", metavar="DIR", nargs="+", type=Path, default=[None],
        help="run Node's workers of the bullmq there; several for several versions",
    )  # fmt: skip
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    files = [
        file
        for file in sorted(FOLDER.glob("*.toml"))
        if not options.numbers or file.name[:2] in options.numbers
    ]
    if not files:
        known = ", ".join(file.name[:2] for file in sorted(FOLDER.glob("*.toml")))
        parser.error(f"{', '.join(options.numbers)}: expected some of {known}")
    found = [_all(files, options.redis, modules) for modules in options.node_modules]
    text = "\n".join(text for _, text in found)
    print(text)
    if options.write:
        between = re.compile(_BETWEEN.format(_table(options.node_modules)), re.DOTALL)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(between.sub(lambda m: m[1] + text + m[2], page), encoding="utf-8")
    return int(any(_exceeded(one.comparison) for done, _ in found for one in done))


def _table(node_modules: list[Path | None]) -> str:
    """Which of the page's tables it is."""
    return "table" if node_modules == [None] else "table: node"


def _all(files: list[Path], url: str | None, modules: Path | None) -> tuple[list[Validation], str]:
    """Measure the queue's cost and run the scenarios; what they gave, and the table."""
    began = time.perf_counter()
    node = None if modules is None else find_bullmq(modules)
    with open_server(url) as server:
        print("measuring what the queue costs here ...", file=sys.stderr)
        overhead = measure_overhead(server, node=node)
    print(overhead, file=sys.stderr)
    done = [_run(file, overhead, url, modules) for file in files]
    return done, _text(done, overhead, time.perf_counter() - began)


def _run(file: Path, overhead: Overhead, url: str | None, modules: Path | None) -> Validation:
    client = "python" if modules is None else "node"
    scenario = with_overhead(read_scenario(file).replace({"bullmq.client": client}), overhead)
    # Each on a Redis, or a prefix, of its own: a job's id is used once.
    with open_server(url) as server:
        found = validate(scenario, server, node_modules=modules)
    for line in (*_exceeded(found.comparison), *found.notes()):
        print(f"{file.stem}: {line}", file=sys.stderr)
    print(f"{file.stem}: done in {found.real.wall_s:.0f} s", file=sys.stderr, flush=True)
    return found


def _exceeded(comparison: Comparison) -> list[str]:
    return comparison.exceeded(DEFAULT_TOLERANCES)


def _text(done: list[Validation], overhead: Overhead, took_s: float) -> str:
    where = environment()
    cost = ", ".join(f"{name} {1000 * value:.2f} ms" for name, value in overhead)
    node = done[0].node
    bullmq = f"bullmq {version('bullmq')}" if node is None else node.words
    return (
        f"Run on {datetime.now(UTC):%d %B %Y} in {duration(took_s)}: {bullmq}, "
        f"{done[0].server.words}, simqueue {where['packages']['simqueue']}, {where['python']}, "
        f"{where['cpus']} cores, {where['system']}. The queue's own cost, measured just before: "
        f"{cost}.\n\n{comparison_markdown(one.comparison for one in done)}"
    )


if __name__ == "__main__":
    sys.exit(main())
