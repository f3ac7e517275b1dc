"""Imports point one way, importing is quick, and the project's files agree with each other."""

import ast
import graphlib
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

#: The ground floor: each may import those before it.
GROUND = (
    "lazy",
    "errors",
    "safe_text",
    "checked",
    "policies",
    "jobs",
    "work",
    "metrics",
    "clock",
    "tasks",
    "data",
    "files",
    "extras",
    "notebook",
    "settings",
)
#: The floors above it, each room with those that it may import beside the ground.
MAY_IMPORT = {
    "workload": set(),
    "record": set(),
    "shop": set(),
    "adapters": {"workload", "record"},
    "workers": {"shop", "record", "adapters"},
    "simulation": {"workload", "record"},
    "results": {"workload", "record"},
    "experiments": {"workload", "record", "simulation", "results"},
    "planning": {"workload", "record", "simulation", "results", "experiments"},
    "validation": {
        *("workload", "record", "adapters", "workers", "simulation", "results", "experiments"),
    },
    "operations": {"adapters"},
    "live": {"workload", "record", "simulation", "results", "experiments", "operations"},
    "calibration": {
        *("workload", "record", "adapters", "simulation", "results", "experiments", "operations"),
    },
    "course": {
        *("workload", "record", "shop", "adapters", "workers", "simulation", "results"),
        *("experiments", "planning", "validation"),
    },
    "cli": {
        *("workload", "record", "shop", "adapters", "workers", "simulation", "results"),
        *("experiments", "planning", "validation", "operations", "calibration", "live", "course"),
    },
}
#: The doors: whoever comes in from outside.
DOORS = {"__init__", "__main__"}


def imports_of(file: Path) -> set[str]:
    """Modules of simqueue that a module imports, wherever in the file, for types only too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative imports hide where things come from"
            # What is imported from a package may be a module of it.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("simqueue.")}


def room_of(module: str) -> str:
    return module.split(".")[1]


def modules() -> dict[str, Path]:
    """Every module of simqueue by its name; a package stands for its ``__init__``."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ("simqueue", *file.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files, f"there is no room {room}"
    allowed = {*GROUND, *MAY_IMPORT[room], room, "__version__"}
    for file in files:
        wrong = {room_of(name) for name in imports_of(file)} - allowed
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize(("place", "module"), list(enumerate(GROUND)))
def test_the_ground_floor_stands_on_itself(place: int, module: str) -> None:
    file = PACKAGE / f"{module}.py"
    wrong = {room_of(name) for name in imports_of(file)} - set(GROUND[:place])
    assert not wrong, f"{module} imports {wrong}"


def test_every_room_is_known() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}

    assert rooms - {"_data", "__pycache__"} == {*GROUND, *MAY_IMPORT, *DOORS}


def test_no_two_files_import_each_other() -> None:
    """Nor do three or more in a circle."""
    files = modules()
    graph = {name: imports_of(file) & files.keys() - {name} for name, file in files.items()}
    # A package's contents page imports its modules; they do not import it to get at each other.
    for name in graph:
        graph[name] = {other for other in graph[name] if not name.startswith(f"{other}.")}

    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports tests by their bare names: of two alike it collects one, if they meet."""
    names = [file.name for file in (ROOT / "tests").rglob("*.py")]

    assert sorted({name for name in names if names.count(name) > 1}) == []


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
    "python-build": "build",
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
                for extra in (
                    *("benchmarks", "course", "docs", "fast", "postgres", "queue", "sweeps", "dev"),
                )
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
    """In the package, where the build reads it; the changelog's newest release is it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    changes = (ROOT / "CHANGELOG.md").read_text()
    released = re.search(r"^## \[([\d.]+)\] - \d{4}-\d{2}-\d{2}$", changes, re.MULTILINE)

    assert "version" not in project["project"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).samefile(simqueue.__file__)
    assert released
    assert released[1] == simqueue.__version__


def test_make_help_names_every_door() -> None:
    makefile = (ROOT / "Makefile").read_text()
    doors = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert doors

    for door in doors[1].split():
        assert re.search(rf"^{door}:.*## ", makefile, re.MULTILINE), f"{door} has no help"
