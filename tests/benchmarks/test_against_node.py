"""Node's worker and ours are compared only if they leave the same of the same jobs."""

from pathlib import Path

import pytest

from benchmarks import against_node
from benchmarks.production import Program
from simqueue.validation.node.installed import NodeBullMQ


@pytest.fixture
def workers(redis_server, node_bullmq: NodeBullMQ) -> dict[str, Program]:
    return against_node.workers_of(
        redis_server.port, node_bullmq.program, node_bullmq.modules, slots=5, ms=0
    )


def test_they_leave_the_same_of_each_job(redis_server, workers: dict[str, Program]) -> None:
    assert against_node.disagreement(redis_server.port, workers) is None


def test_a_worker_that_does_less_gets_no_ratio(
    redis_server, workers: dict[str, Program], tmp_path: Path
) -> None:
    lazy = tmp_path / "with_simqueue.py"
    program = against_node.OURS.program.read_text()
    lazy.write_text(program.replace('return "processing"', 'return ""'))

    def ours(folder: str) -> list[str]:
        python, _, *arguments = workers["all"](folder)
        return [python, str(lazy), *arguments]

    wrong = against_node.disagreement(redis_server.port, {"node": workers["node"], "all": ours})
    assert wrong is not None
    assert wrong.startswith("all leaves")
    assert "returnvalue" in wrong


def test_each_worker_has_its_costs(redis_server, workers: dict[str, Program]) -> None:
    costs = {
        name: against_node.cost_of(redis_server.port, worker, jobs=600)
        for name, worker in workers.items()
    }
    assert all(cost.rate > 0 and cost.processor_s > 0 for cost in costs.values())
    # The scripts are BullMQ's in all of them.
    for name in ("all", "bare"):
        assert costs[name].commands == pytest.approx(costs["node"].commands, rel=0.2)
        assert costs[name].bytes == pytest.approx(costs["node"].bytes, rel=0.2)
