"""Ways of adding are compared only if they put the same into Redis."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import adding
from simqueue.validation.node.installed import NodeBullMQ


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    file = tmp_path / "entries.json"
    file.write_text(json.dumps(adding.entries_of(200)))
    return file


def test_all_put_the_same_into_redis(
    redis_server, redis_url: str, node_bullmq: NodeBullMQ, entries: Path
) -> None:
    port = redis_server.port
    ways = {
        "ours": adding.ours(port),
        "bulk": adding.plain(port, sys.executable, "bulk", entries),
        "add": adding.plain(port, sys.executable, "add", entries),
        "node": adding.nodes(port, node_bullmq.program, node_bullmq.modules, entries),
    }
    assert adding.disagreement(port, ways) is None
    assert all(seconds > 0 for seconds in ways["ours"](10))


def test_one_that_adds_something_else_is_named(
    redis_server, redis_url: str, tmp_path: Path, entries: Path
) -> None:
    port = redis_server.port
    other = tmp_path / "other.json"
    changed = json.loads(entries.read_text())
    changed[50]["opts"]["attempts"] = 1
    other.write_text(json.dumps(changed))
    ways = {
        "ours": adding.ours(port),
        "other": adding.plain(port, sys.executable, "bulk", other),
    }
    wrong = adding.disagreement(port, ways)
    assert wrong is not None
    assert wrong.startswith("other leaves")
