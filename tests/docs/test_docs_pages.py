"""What the pages name is there: tests, variables, options, commands, links."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pages import DEPLOY, DOCS, PAGES, ROOT, anchors, blocks, entries, fences, prose, table
from pydantic import SecretStr
from typer.exceptions import TyperException

from simqueue.cli import app
from simqueue.policies import POLICIES
from simqueue.settings import Settings

RELIABILITY, DEPLOYMENT = DOCS / "reliability.md", DOCS / "deployment.md"
NODE = re.compile(r"tests/[\w/]+\.py::\w+(?:::\w+)?")


def names_of_tests(path: Path) -> set[str]:
    """Names of a file's tests, as pytest writes them after the file's."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for one in inside:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + one.name)
    return names


def test_every_test_that_is_named_exists() -> None:
    """A claim of the reliability model points to a test that is there."""
    named = sorted(set(NODE.findall(RELIABILITY.read_text())))

    assert len(named) > 40
    for one in named:
        path, _, name = one.partition("::")
        assert (ROOT / path).is_file(), one
        assert name in names_of_tests(ROOT / path), one


def test_whatever_looks_like_a_test_is_a_whole_name() -> None:
    """No test is named by its file or its function alone, where nobody would check it."""
    rest = NODE.sub("", RELIABILITY.read_text())

    assert "test_" not in rest


def environment_names(path: Path) -> Iterator[str]:
    """The variables that a module asks ``os.environ`` or ``os.getenv`` for."""
    tree = ast.parse(path.read_text())
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        place: ast.expr | None = None
        if isinstance(node, ast.Call) and re.fullmatch(
            r"os\.(environ\.\w+|getenv)", ast.unparse(node.func)
        ):
            place = node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            place = node.slice
        if isinstance(place, ast.Constant):
            yield str(place.value)
        elif place is not None:
            yield constants[ast.unparse(place)]


def test_the_table_of_variables_is_the_settings() -> None:
    """Names and defaults are those of `Settings`, and every other variable read is there too."""
    shown = {row[0]: row[2] for row in table(DEPLOYMENT, "Environment variables")}
    defaults = {}
    for name, field in Settings.model_fields.items():
        value = field.default
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        defaults[name.upper()] = "unset" if value is None else str(value)
    elsewhere = {
        name for path in (ROOT / "simqueue").rglob("*.py") for name in environment_names(path)
    }

    assert elsewhere >= {"SIMQUEUE_TOKEN"}
    assert shown == defaults | dict.fromkeys(elsewhere, "unset")


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_the_table_of_options_is_the_commands(command: str) -> None:
    """Every option stands in the table with its default, and no other does."""
    words = {None: "unset", False: "off"}
    real = {
        parameter.opts[0]: words.get(parameter.default, str(parameter.default))
        for parameter in tree().commands[command].params
    }

    assert {row[0]: row[2] for row in table(DEPLOYMENT, f"Options of `simqueue {command}`")} == real


def test_the_table_of_retention_is_the_policies() -> None:
    """What the queues keep is said as the policies have it."""
    shown = {row[0]: (int(row[1]), int(row[2])) for row in table(RELIABILITY, "Retention")}

    assert shown == {name: (p.keep_completed, p.keep_failed) for name, p in POLICIES.items()}


def test_the_times_of_the_attempts_are_the_policies() -> None:
    """The sentence about when a job that always fails is tried agrees with the retry rule."""
    text = " ".join(RELIABILITY.read_text().split())
    for name, policy in POLICIES.items():
        times = [sum(policy.waits_s()[:n]) for n in range(policy.attempts)]
        *first, last = (f"{time:g}" for time in times)
        assert re.search(rf"an? {name}[\w ]* at {', '.join(first)} and {last} s", text, re.I), name


def tree() -> Any:
    """The commands of the command line."""
    return typer.main.get_command(app)


def command_lines(page: Path) -> Iterator[list[str]]:
    """The arguments of every ``simqueue`` that a page shows, in blocks and in sentences."""
    blocks = "\n".join(fences(page, "sh", "ini")).replace("\\\n", " ")
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]
    starts = re.compile(r"(?:[A-Z_]+=\S+ )*(?:\S*python3? -m |\S*/)?simqueue (?=[a-z-])(.*)")
    for line in blocks.splitlines():
        for part in re.split(r"&&|;", line.partition(" #")[0]):
            if found := starts.fullmatch(part.strip().removesuffix("&").strip()):
                yield shlex.split(found[1])
    for span in spans:
        if found := starts.fullmatch(span):
            yield shlex.split(found[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_line_parses(page: Path) -> None:
    """Commands and options that are shown exist, and take the values that are shown."""
    for arguments in command_lines(page):
        parse(arguments)


def test_command_lines_are_found() -> None:
    shown = {arguments[0] for page in PAGES for arguments in command_lines(page)}

    assert shown >= tree().commands.keys()


def test_what_units_and_containers_start_parses() -> None:
    """The command lines of the files to deploy with are ones that the program takes."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    started = [services[name]["command"] for name in ("worker", "serve")]
    for unit in DEPLOY.glob("*.service"):
        started += [
            shlex.split(line)
            for line in re.findall(r"^ExecStart=\S+/simqueue (.*)$", unit.read_text(), re.MULTILINE)
        ]

    assert [arguments[0] for arguments in started].count("worker") == 2
    for arguments in started:
        parse(arguments)


def parse(arguments: list[str]) -> None:
    """Have the command line take arguments, without doing anything."""
    command, rest = tree(), list(arguments)
    while hasattr(command, "commands"):
        assert rest, f"simqueue {shlex.join(arguments)}: which command?"
        assert rest[0] in command.commands, f"simqueue {shlex.join(arguments)}"
        command = command.commands[rest.pop(0)]
    try:
        command.make_context(command.name, rest)
    except TyperException as error:
        pytest.fail(f"simqueue {shlex.join(arguments)}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Files that are linked to exist, and so do the headings; everything is in this repository."""
    for place in re.findall(r"\]\((?!https?://)([^)\s]+)\)", prose(page)):
        name, _, heading = place.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), place
        assert path.is_relative_to(ROOT), place
        assert not heading or heading in anchors(path), place


def test_links_in_code_and_notebooks_lead_somewhere() -> None:
    """Pages, and headings of pages, that the package and the lessons send people to."""
    sources = [*(ROOT / "simqueue").rglob("*.py"), *(ROOT / "notebooks").glob("*.ipynb"),
               *(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "data").glob("*.toml")]  # fmt: skip
    found = {
        place
        for source in sources
        for place in re.findall(
            r"docs/([\w-]+\.md(?:#[\w-]+)?)", source.read_text(encoding="utf-8")
        )
    }

    assert found
    for place in found:
        name, _, heading = place.partition("#")
        assert (DOCS / name).is_file(), place
        assert not heading or heading in anchors(DOCS / name), place


def test_every_page_is_in_the_table_of_contents() -> None:
    """In the site's, with those of the top folder, and in the table that a git host shows."""
    index = DOCS / "index.md"
    named = [name for block in blocks(index, "{toctree}") for name in entries(block)]
    ours = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    linked = re.findall(r"\]\(([\w-]+)\.md\)", prose(index))

    assert sorted(named) == sorted(ours | {f"../{page.stem}" for page in ROOT.glob("*.md")})
    assert sorted(linked) == sorted(ours)
