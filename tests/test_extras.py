"""Without an extra, whoever needs it hears in one line which one it is."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from simqueue.cli import run
from simqueue.errors import InputError
from simqueue.extras import EXTRAS, MissingExtraError, advice, naming_extras
from simqueue.validation import open_server

ROOT = Path(__file__).parent.parent


def test_the_table_is_that_of_the_project() -> None:
    """Each package of an extra that users install is known by the name that is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    imports: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for name in distributions:
            imports.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(module)
    wanted = {}
    for extra in EXTRAS:
        for requirement in project["optional-dependencies"][extra]:
            found = re.match(r"[A-Za-z0-9_-]+", requirement)
            assert found
            wanted[found[0].lower()] = extra

    # Jupyter brings other packages and no module of its own; uvloop is not for every platform.
    known = {name: extra for name, extra in wanted.items() if name in imports}
    assert wanted.keys() - known.keys() <= {"jupyter", "uvloop"}
    for name, extra in known.items():
        assert imports[name] & set(EXTRAS[extra]), f"{name} of {extra}"


def test_a_package_of_nobodys_is_left_alone() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, naming_extras():
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
    assert not isinstance(caught.value, InputError)


def test_a_package_that_cannot_be_loaded_is_said_as_it_is() -> None:
    said = re.escape(f"no pq wrapper: {advice('postgres')}")
    with pytest.raises(MissingExtraError, match=f"^{said}$"), naming_extras("postgres"):
        raise ImportError("no pq\nwrapper")


def test_the_advice_is_for_this_python_and_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be found in an index by the name of simqueue; README.md installs a clone."""
    assert advice("queue") == (
        f'in your clone of simqueue: {sys.executable} -m pip install ".[queue]"'
    )
    monkeypatch.setattr(sys, "executable", "/my envs/python")
    assert advice("course").endswith(': "/my envs/python" -m pip install ".[course]"')
    assert "-m pip install -q ." in (ROOT / "README.md").read_text()


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a plain ``pip install``."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("redis", "fakeredis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "fakeredis", None)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "calibrate",
            "validate",
            "measure-overhead",
            "worker",
            "serve",
            "stats",
            "replay --limit 1",
        ),
        *("failed list", "failed retry --all", "worker --metrics-port 0"),
    ],
)
def test_a_command_names_the_extra(
    command: str,
    without_redis: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_MODE", "bull-queue")
    monkeypatch.setenv("QUEUE_REDIS_URL", "redis://127.0.0.1:1/0")

    assert run(command.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"error: package redis is missing: {advice('queue')}\n"


def test_so_does_the_python_face(without_redis: None) -> None:
    with pytest.raises(ImportError, match=re.escape(advice("queue"))), open_server("embedded://"):
        pass
