"""A shipped recording: found by its name, gzipped; and what a calibration shows of itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from simqueue.calibration.calibrate import Calibration, calibrate
from simqueue.calibration.fit import FIGURES
from simqueue.calibration.seen import read_seen
from simqueue.data import data_path
from simqueue.errors import InputError

RECORDING = "running_queue.jsonl.gz"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    return calibrate(file=RECORDING, folder=tmp_path_factory.mktemp("recorded") / "it is")


def test_the_table_has_each_figure_of_the_report(made: Calibration) -> None:
    frame = made.frame()
    assert len(frame) == len(made.fits) * 2 * len(FIGURES)
    assert np.allclose(frame["error"], frame["model_s"] / frame["seen_s"] - 1)
    whole = next(fit for fit in made.fits if fit.queue == "webhooks")
    assert tuple(frame.loc[("webhooks", "wait p95"), ["seen_s", "model_s"]]) == whole.wait_s["p95"]
    assert ("invoices, priority 1", "response p99") in frame.index


def test_the_report_ends_with_a_command_that_can_be_copied(made: Calibration) -> None:
    (line,) = (line for line in made.report().splitlines() if line.startswith("    simqueue plan"))
    assert shlex.split(line)[2:] == [
        str(Path(made.folder) / "scenario.toml"),
        *("--target", "webhooks.response.p95 < 4.4 s", "--traffic", "2"),
    ]


def test_half_a_gzipped_file_is_one_clear_error(tmp_path: Path) -> None:
    whole = data_path(RECORDING).read_bytes()
    half = tmp_path / "half.jsonl.gz"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"half\.jsonl\.gz: cannot read observations"):
        read_seen(half)
    half.write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"half\.jsonl\.gz: cannot read observations"):
        read_seen(half)
