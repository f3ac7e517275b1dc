"""What ``--help`` says of each command, argument and option is a full sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from simqueue.cli import app

#: What the sentence about an option or an argument begins with: what it does, in the imperative.
VERBS = {
    "Add", "Append", "Ask", "Change", "Choose", "Compare", "Continue", "Divide", "Do", "Draw",
    "Find", "Give", "Judge", "Leave", "Let", "List", "Listen", "Log", "Look", "Make", "Measure",
    "Name", "Place", "Plan", "Print", "Put", "Read", "Remove", "Repeat", "Replay", "Run", "Say",
    "Serve", "Set", "Show", "Simulate", "Start", "Stop", "Take", "Try", "Use", "Wait", "Watch",
    "Write",
}  # fmt: skip


def commands(command: Any, name: str = "simqueue") -> Iterator[tuple[str, Any]]:
    """Every command and group, by what one types."""
    yield name, command
    for word, inside in getattr(command, "commands", {}).items():
        yield from commands(inside, f"{name} {word}")


COMMANDS = dict(commands(typer.main.get_command(app)))
PARAMETERS = {
    f"{name} {max(parameter.opts, key=len)}": parameter
    for name, command in COMMANDS.items()
    for parameter in command.params
}


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 15
    assert len(PARAMETERS) > 100


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_option_says_what_it_does(name: str) -> None:
    """`Set how many workers there are.`, and not `Workers`; a default in brackets may follow."""
    said = PARAMETERS[name].help or ""
    sentences = re.sub(r" \[default: [^\]]+\]$", "", said)

    assert sentences.endswith("."), f"{name}: {said!r}"
    assert len(sentences.split()) >= 3, f"{name}: {said!r}"
    assert sentences.split()[0] in VERBS, f"{name}: {said!r} does not begin with what it does"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does(name: str) -> None:
    """In a first paragraph of full sentences, and in a list of commands in one that is short."""
    command = COMMANDS[name]
    first = (command.help or "").partition("\n\n")[0]

    assert re.match(r"[A-Z].*\.$", first, re.DOTALL), f"{name}: {first!r}"
    if name != "simqueue":
        short = command.get_short_help_str(100)
        assert re.fullmatch(r"[A-Z].{10,60}\.", short), f"{name}: {short!r}"
        assert short.split()[0] in VERBS, f"{name}: {short!r}"
