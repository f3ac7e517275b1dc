"""What is published: the sdist, the wheel, and the wheel in an environment without any extra."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import missing

from simqueue import __version__
from simqueue.record.reading import read_log

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    if find_spec("build") is None:
        missing("the package build")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def in_sdist(folder: Path) -> set[str]:
    (file,) = folder.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def in_wheel(folder: Path) -> set[str]:
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def tracked(*folders: str) -> set[str]:
    """The files of the project that are not made by running it."""
    return {
        file.relative_to(ROOT).as_posix()
        for folder in folders
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_sdist_has_all_that_is_needed_to_build_and_test(built: Path) -> None:
    names = in_sdist(built)

    assert tracked("simqueue", "data", "benchmarks") <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/conftest.py"} <= names
    assert {"docs/validation.md", "notebooks/run.py", "environment.yml", "Makefile"} <= names
    assert {"CITATION.cff", "CONTRIBUTING.md", "SECURITY.md", "docs/conf.py"} <= names
    assert not [name for name in names if name.endswith((".pyc", ".db"))]


def test_the_wheel_has_the_package_and_its_data_and_no_more(built: Path) -> None:
    names = in_wheel(built)
    ours = {name for name in names if ".dist-info/" not in name}
    data = {f"simqueue/_data/{name.removeprefix('data/')}" for name in tracked("data")}

    assert ours == tracked("simqueue") | data
    assert "simqueue/py.typed" in ours
    assert {"simqueue/operations/static/page.html", "simqueue/_data/busy-day.toml"} <= ours
    assert "simqueue/validation/node/worker.mjs" in ours


def test_its_metadata_are_those_of_the_project(built: Path) -> None:
    (file,) = built.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        about = Parser().parsestr(archive.read(name).decode())
        (licences) = [n for n in archive.namelist() if "/licenses/" in n]

    assert (about["Name"], about["Version"]) == ("simqueue", __version__)
    assert set(about.get_all("Provides-Extra", [])) >= {"queue", "postgres", "course"}
    plain = [text for text in about.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert not [text for text in plain if text.startswith(("redis", "bullmq", "jupyter"))]
    assert len(licences) == 2


@pytest.fixture(scope="module")
def plain(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, as ``pip install simqueue`` leaves it in an environment of its own."""
    folder = tmp_path_factory.mktemp("plain")
    venv.create(folder, with_pip=True)
    (wheel,) = built.glob("*.whl")
    subprocess.run(
        [str(folder / "bin/python"), "-I", "-m", "pip", "install", "--quiet", str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "bin/simqueue"


def simqueue(
    program: Path, folder: Path, arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the installed program in an empty folder, where the clone cannot help it."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [str(program), *arguments.split()],
        cwd=folder, env={**environment, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_main_job_works_in_an_empty_folder(plain: Path, tmp_path: Path) -> None:
    done = simqueue(plain, tmp_path, "simulate --json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scenario"] == "busy day"
    assert list(tmp_path.iterdir()) == []


def test_what_needs_no_queue_works(plain: Path, tmp_path: Path) -> None:
    table = simqueue(plain, tmp_path, "backoff --json")
    placed = simqueue(plain, tmp_path, "replay --limit 3 --json")
    drawn = simqueue(plain, tmp_path, "simulate herd.toml --log run.csv --plot run.png")
    compared = simqueue(plain, tmp_path, "validate-log run.csv --json --tolerance 1e9")

    assert json.loads(table.stdout)["order"]["waits_s"] == [2.0, 4.0]
    assert json.loads(placed.stdout)["placed"] == 3
    assert drawn.returncode == 0, drawn.stderr
    assert compared.returncode == 0, compared.stderr
    jobs = read_log(tmp_path / "run.csv").frame()["job_id"].nunique()
    assert json.loads(compared.stdout)["jobs"] == jobs
    assert (tmp_path / "run.png").stat().st_size


@pytest.mark.parametrize(
    "arguments",
    [
        *("validate", "validate --redis embedded://", "measure-overhead", "worker", "serve"),
        *("stats", "failed list", "failed show x", "failed retry --all", "replay --limit 1"),
    ],
)
def test_what_needs_an_extra_says_which(plain: Path, tmp_path: Path, arguments: str) -> None:
    url = {"WORKER_MODE": "bull-queue", "QUEUE_REDIS_URL": "redis://127.0.0.1:1/0"}
    done = simqueue(plain, tmp_path, arguments, **url)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert '-m pip install ".[queue]"' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_driver_that_is_missing_is_named_too(plain: Path, tmp_path: Path) -> None:
    url = "postgresql://shop:secret@127.0.0.1/shop"
    done = simqueue(plain, tmp_path, "replay --limit 1", DATABASE_URL=url)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert '-m pip install ".[postgres]"' in done.stderr
