"""Measure simqueue and print one table, or one JSON document.

Run it in a clone after ``pip install -e '.[benchmarks,fast]'``; it takes half an hour, or more::

    python -m benchmarks                # everything
    python -m benchmarks speed --json   # one part, for programs
"""

from __future__ import annotations

import argparse
import json
import sys

from benchmarks import (
    adding,
    against_node,
    compiled,
    growth,
    imports,
    memory,
    production,
    serving,
    shop,
    speed,
)
from benchmarks.report import document, environment, table

PARTS = {
    "speed": speed.measure,
    "compiled": compiled.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "imports": imports.measure,
    "production": production.measure,
    "node": against_node.measure,
    "adding": adding.measure,
    "serve": serving.measure,
    "shop": shop.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure; the exit code is 1 if an engine disagrees or a command fails.

    A missed target is no failure: it may be the machine's doing.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; by default all")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"{unknown[0]!r}: expected {', '.join(PARTS)}")
    sections = {}
    for part in options.parts or PARTS:
        print(f"measuring {part} ...", file=sys.stderr)
        sections[part] = PARTS[part]()
    where = environment()
    if options.json:
        print(json.dumps(document(sections, where), indent=2))
    else:
        print(table(sections, where))
    return int(any(found.failed for section in sections.values() for found in section))


if __name__ == "__main__":
    sys.exit(main())
