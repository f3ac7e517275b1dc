"""The twelve scenarios that the model is held against the real queue with."""

from pathlib import Path

import pytest

from benchmarks.validation import FOLDER, PAGE
from simqueue.experiments.run import simulate
from simqueue.validation.runnable import check_runnable
from simqueue.workload.reading import read_scenario

FILES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_can_be_run_for_real_and_has_something_to_tell(file: Path) -> None:
    scenario = read_scenario(file)
    check_runnable(scenario)

    assert len(simulate(scenario).log) >= 600, "a p99 needs more attempts"


def test_together_they_fit_a_quarter_of_an_hour() -> None:
    """A run lasts as long as its jobs, starts and ends in some 5 s; a minute measures the cost."""
    last = [simulate(read_scenario(file)).simulated_s for file in FILES]

    assert len(FILES) == 12
    assert sum(last) + 12 * 5 + 60 < 15 * 60


def test_the_page_has_a_row_for_each() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("<!-- table -->")[2].partition("<!-- end of table -->")[0]

    for file in FILES:
        assert f"| {read_scenario(file).name} |" in table
