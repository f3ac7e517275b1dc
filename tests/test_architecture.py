"""Imports point one way, importing is quick, and the project's files agree with each other."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import simqueue

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "simqueue"

#: What each room may import, beside itself. `cli`, `operations`, `validation` and `course` sit on
#: top and may see all.
FOUNDATIONS = {"errors", "policies", "jobs", "settings", "clock", "data"}
MAY_IMPORT = {
    "errors": set(),
    "policies": set(),
    "data": {"errors"},
    "clock": set(),
    "jobs": {"errors"},
    "settings": {"errors", "policies"},
    "workload": FOUNDATIONS,
    "shop": FOUNDATIONS,
    "results": FOUNDATIONS | {"workload"},
    "workers": FOUNDATIONS | {"workload", "shop", "results"},
    "adapters": FOUNDATIONS | {"workload", "workers", "results"},
    "simulation": FOUNDATIONS | {"workload", "results"},
}


def imports_of(file: Path) -> set[str]:
    """Rooms of simqueue that a module imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative imports hide where things come from"
            names = [node.module]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "simqueue" and rest:
                found.add(rest.split(".")[0])
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    files = [*PACKAGE.glob(f"{room}.py"), *PACKAGE.glob(f"{room}/**/*.py")]
    assert files, f"there is no room {room}"
    for file in files:
        wrong = imports_of(file) - MAY_IMPORT[room] - {room}
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_every_room_is_known() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    on_top = {"cli", "operations", "validation", "course", "__init__", "__main__", "__pycache__"}

    assert rooms - on_top - {"_data"} == set(MAY_IMPORT)


def test_importing_simqueue_imports_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "scipy", "simpy", "matplotlib", "pydantic", "sqlalchemy", "typer"]
    code = f"import sys, simqueue; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_contents_page_keeps_its_word() -> None:
    for name in simqueue.__all__:
        assert getattr(simqueue, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = simqueue.nothing


#: What conda-forge calls otherwise than PyPI.
CONDA_NAMES = {
    "redis-py": "redis",
    "prometheus_client": "prometheus-client",
    "msgpack-python": "msgpack",
}


def requirement(text: str) -> tuple[str, str]:
    """Name (without extras) and version bound of a requirement, whatever the platform."""
    found = re.fullmatch(r"([A-Za-z0-9_-]+)(?:\[[a-z,]+\])? *([^;]*)(;.*)?", text)
    assert found, text
    return CONDA_NAMES.get(found[1], found[1]).lower(), found[2].strip()


def test_conda_and_pip_install_the_same() -> None:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    ours = {
        requirement(text)
        for text in (
            *project["dependencies"],
            *(
                text
                for extra in ("benchmarks", "course", "postgres", "queue", "dev")
                for text in extras[extra]
            ),
            f"python {project['requires-python']}",
        )
        if not text.startswith("simqueue[")
    }
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *from_conda, with_pip = environment["dependencies"]
    theirs = {
        requirement(text)
        for text in (*from_conda, *with_pip["pip"])
        # lupa is fakeredis' extra "lua", which conda has no word for.
        if text not in ("pip", "lupa", "--editable .")
    }

    assert theirs == ours


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == simqueue.__version__


def test_make_help_names_every_door() -> None:
    makefile = (ROOT / "Makefile").read_text()
    doors = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert doors

    for door in doors[1].split():
        assert re.search(rf"^{door}:.*## ", makefile, re.MULTILINE), f"{door} has no help"
