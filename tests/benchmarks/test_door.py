"""``python -m benchmarks``: what it prints; and what an import may cost."""

import json
import subprocess
import sys

import pytest

from benchmarks import __main__ as door
from benchmarks.report import Measured

FOUND = [
    Measured.of("ratio", [3.0, 2.0, 2.4], "times", at_least=2.5),
    Measured.of("peak", [200.0], "bytes/job", at_most=350),
    Measured("other engine", note="not installed"),
]


@pytest.fixture
def parts(monkeypatch):
    parts = {"speed": lambda: FOUND, "memory": lambda: FOUND[:1]}
    monkeypatch.setattr(door, "PARTS", parts)
    return parts


def test_the_table_has_medians_ranges_and_what_was_wanted(parts, capsys):
    assert door.main(["speed"]) == 0
    rows = capsys.readouterr().out.splitlines()[-3:]
    assert [" ".join(row.split()) for row in rows] == [
        "ratio 2.4 times 2 to 3 3 at least 2.5: MISSED",
        "peak 200 bytes/job 1 at most 350: met",
        "other engine - not installed",
    ]


def test_json_is_one_document_with_all_parts(parts, capsys):
    assert door.main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"date", "python", "cpus", "packages"} <= told.keys()
    assert list(told["benchmarks"]) == ["speed", "memory"]
    assert [line["met"] for line in told["benchmarks"]["speed"]] == [False, True, None]


def test_a_part_that_went_wrong_is_a_failure(parts, capsys):
    parts["speed"] = lambda: [Measured("other engine", note="disagrees", failed=True)]
    assert door.main(["speed"]) == 1


def test_an_unknown_part_is_named(parts, capsys):
    with pytest.raises(SystemExit, match="2"):
        door.main(["sped"])
    assert "'sped': expected speed, memory" in capsys.readouterr().err


def test_importing_simqueue_imports_nothing_large():
    script = "import sys, simqueue; print(*{name.partition('.')[0] for name in sys.modules})"
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    loaded = set(told.stdout.decode().split())
    assert "simqueue" in loaded
    assert not loaded & {
        "numpy",
        "pandas",
        "pydantic",
        "simpy",
        "scipy",
        "matplotlib",
        "sqlalchemy",
    }
