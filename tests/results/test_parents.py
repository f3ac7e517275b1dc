"""What is said of parents that wait for ever, and of cores that many share."""

from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import simqueue as sq
from simqueue.record.reading import read_log
from simqueue.results.offered import Outlook, offered
from simqueue.results.table import report as report_of
from simqueue.results.verdicts.judge import judge
from simqueue.results.verdicts.verdict import Verdict
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario


def exponential(mean_s: float) -> dict[str, Any]:
    return {"distribution": "exponential", "mean_s": mean_s}


def reports(**report: Any) -> dict[str, Any]:
    """One report a second: three children of 1 s, a tenth of which fail, and 0.5 s of its own."""
    return {
        "name": "reports",
        "duration_s": 2000,
        "arrivals": {"report": {"rate_per_s": 1.0}},
        "workers": {"concurrency": 20},
        "queues": {
            "report": {"children": {"part": 3}, "service": exponential(0.5), **report},
            "part": {"service": exponential(1.0), "failure_rate": 0.1, "keep_failed": 1_000_000},
        },
    }


def images(cores: int, **changes: Any) -> Scenario:
    """Three images a second, each with half a second of sandboxed cpu."""
    table: dict[str, Any] = {
        "name": "images",
        "duration_s": 2000,
        "arrivals": {"image": {"rate_per_s": 3.0}},
        "workers": {"count": 2, "concurrency": 50, "cores": cores},
        "queues": {"image": {"sandbox": True, "cpu": exponential(0.5)}},
    }
    return build_scenario(table).replace(changes)


def verdicts(scenario: Scenario) -> dict[str, Verdict]:
    run = sq.simulate(scenario)
    return {one.about: one for one in judge(run.log, Outlook(scenario, 0.0), run.window)}


def test_parents_that_wait_for_ever_are_counted_and_named(tmp_path: Any) -> None:
    run = sq.simulate(build_scenario(reports()))
    report = run.summary().queues["report"]

    assert report.unfinished == report.arrived - report.completed > 0
    assert run.document()["queues"]["report"]["unfinished"] == report.unfinished
    said = verdicts(run.scenario)["children.report"].sentence
    assert said == (
        f"{report.unfinished:,} of {report.arrived:,} report jobs never became ready: a child of "
        "each has failed, or has not ended."
    )
    console = Console(width=100, record=True, file=StringIO())
    console.print(report_of(run.summary(), "reports"))
    assert f"Unfinished jobs: report {report.unfinished:,}." in console.export_text()
    file = tmp_path / "log.csv"
    run.log.write(file)
    again = read_log(file)
    left = again.rows[(again.rows["outcome"] == 0)]
    assert len(left) == report.unfinished
    assert np.isnan(left["ready_s"]).all()
    assert np.isfinite(left["enqueued_s"]).all()


def test_parents_that_fail_with_a_child_are_lost_for_that_reason() -> None:
    found = verdicts(build_scenario(reports(child_failure="fail-parent")))

    assert "children.report" not in found
    assert found["lost.report"].sentence.endswith(" because a child had failed.")


@pytest.mark.parametrize(
    ("option", "share"), [("wait", 0.9**3), ("fail-parent", 0.9**3), ("ignore-dependency", 1.0)]
)
def test_the_work_of_parents_is_that_of_those_that_run(option: str, share: float) -> None:
    """The fluid brings three parts for each report, and the reports whose parts completed."""
    found = offered(build_scenario(reports(child_failure=option)))
    edges = np.array([1000.0, 2000.0])

    assert found.rate("part", edges)[0] == pytest.approx(3.0, rel=1e-6)
    assert found.rate("report", edges)[0] == pytest.approx(share, rel=1e-3)


def test_parents_come_after_the_delay_of_their_children() -> None:
    """Three parts of 1 s that are due after 500 s: nobody is ready before 501 s."""
    scenario = build_scenario(reports(child_failure="ignore-dependency"))
    delayed = scenario.replace({"queues.part.delay": {"distribution": "constant", "mean_s": 500}})
    edges = np.array([0.0, 500.0, 600.0, 700.0])

    assert offered(delayed).rate("report", edges) == pytest.approx([0, 0.99, 1], rel=1e-3)


def test_cores_that_are_too_few_bind() -> None:
    found = verdicts(images(1))

    assert found["cores"].binds == "cores"
    assert found["cores"].needed == 2
    assert found["cores"].sentence == (
        "The cores are the limit: the sandboxed cpu parts of jobs need 2 cores; there is 1. More "
        "slots or workers on the same machine would not help, more cores would."
    )
    assert "image" not in found  # its slots are no advice


def test_busy_cores_hold_attempts_up() -> None:
    found = verdicts(images(2))

    assert found["cores"].needed == 2
    assert "The cores are 75 % busy" in found["cores"].sentence
    assert "event loop" not in found


def test_ample_cores_bind_nobody() -> None:
    found = verdicts(images(8))

    assert found["image"].binds in ("nothing", "bursts")
    assert "cores" not in found


def test_a_load_of_one_has_no_steady_state() -> None:
    run = sq.simulate(images(1))

    assert any("each core has a load of 1.5" in line for line in run.warnings())
    assert not any("event loop" in line for line in run.warnings())
