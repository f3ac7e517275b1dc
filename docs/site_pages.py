"""What the site has beside the text of its pages, made from what there is as they are read.

Lessons get their code folded and links to start them, the page about Python the docstrings, and
that about the command line the commands' own help. None is stored, so none can be out of date.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from textwrap import indent
from typing import Any

import public_api
import typer

from simqueue.cli import app as command_line

# ---- lessons


def lesson(text: str, page: str, repository: str) -> str:
    """A notebook with its code folded, and ways to run it below its title.

    Parameters
    ----------
    text
        The notebook, JSON.
    page
        Its path in the repository, without ``.ipynb``.
    repository
        See `launch_links`.
    """
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["metadata"].setdefault("tags", []).append("hide-input")
    name = PurePosixPath(page).name
    ways = [f"{{download}}`notebook <{name}.ipynb>`"]
    ways += [f"[{where}]({url})" for where, url in launch_links(page, repository).items()]
    line = f"*To read: the code is folded. To run it: {', '.join(ways)}.*"
    first = notebook["cells"][0]
    title, _, rest = "".join(first["source"]).removeprefix("# ").partition("\n")
    number, _, _ = name.partition("_")
    words = f"{number} · {title}" if number.isdigit() else title
    first["source"] = f"# {words}\n\n{line}\n{rest}"
    return json.dumps(notebook)


def launch_links(page: str, repository: str) -> dict[str, str]:
    """Where a lesson can be run in a browser, by name.

    Parameters
    ----------
    page
        Its path in the repository, without ``.ipynb``.
    repository
        ``https://github.com/OWNER/NAME``; empty: nowhere.

    Raises
    ------
    ValueError
        If it is another address.
    """
    if not repository:
        return {}
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git|/)?", repository)
    if not found:
        raise ValueError(f"repository = {repository}: expected https://github.com/OWNER/NAME")
    return {
        "Binder": f"https://mybinder.org/v2/gh/{found[1]}/HEAD?labpath={page}.ipynb",
        "Colab": f"https://colab.research.google.com/github/{found[1]}/blob/main/{page}.ipynb",
    }


# ---- the Python API


def with_docstrings(text: str) -> str:
    """The page about Python with shorter tables, and the docstrings of each door below its own."""
    for door in public_api.DOORS:
        before, mark, rest = text.partition(f"<!-- api: {door} -->\n")
        _, end, after = rest.partition(public_api.END)
        if not end:
            raise ValueError(f"the page about Python has no table of {door}")
        table = "\n".join(["| name | |", "|---|---|", *_rows(door)])
        entries = "\n".join(_entries(door))
        text = f"{before}{mark}{table}\n\n```{{eval-rst}}\n{entries}\n```\n{after}"
    return text


def _rows(door: str) -> Iterator[str]:
    """The names of a door, each with a link to its docstring and the first line of it."""
    for name in public_api.names(door):
        if "." not in name.path:
            yield f"| {{py:obj}}`{name.path} <{door}.{name.path}>` | {name.line} |"


def _entries(door: str) -> Iterator[str]:
    """Directives of autodoc for the names of a door."""
    for name, found in public_api.public(door).items():
        path = f"{door}.{name}"
        if inspect.isclass(found):
            kind = "exception" if issubclass(found, BaseException) else "class"
            yield f".. auto{kind}:: {path}{public_api.parameters(found)}"
            if members := public_api.members(found):
                yield f"   :members: {', '.join(members)}"
        elif inspect.ismodule(found):
            yield f".. py:module:: {path}\n"
            yield indent(inspect.getdoc(found) or "", "   ")
            yield "\n.. py:currentmodule:: None"  # What follows is not in it.
        elif callable(found):
            yield f".. autofunction:: {path}{public_api.parameters(found)}"
        else:
            yield f".. py:data:: {path}\n"
            yield indent(public_api.documentation(door, name, found), "   ")
        yield ""


# ---- the command line


def with_commands(text: str) -> str:
    """The page about the command line with what each command says of itself."""
    before, _, rest = text.partition("<!-- commands -->\n")
    _, end, after = rest.partition("<!-- end of commands -->\n")
    if not end:
        raise ValueError("the page about the command line has no place for the commands")
    commands = dict(_commands(typer.main.get_command(command_line), "simqueue"))
    table = [
        f"| [`{name}`](#{_anchor(name)}) | {_plain(command.get_short_help_str(200))} |"
        for name, command in commands.items()
    ]
    sections = [_section(name, command) for name, command in commands.items()]
    return "\n".join([before, "| command | |", "|---|---|", *table, "", *sections, after])


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All commands that there are to give, by what one types."""
    inside = getattr(command, "commands", None)
    if inside is None:
        yield name, command
    else:
        for word, one in inside.items():
            yield from _commands(one, f"{name} {word}")


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _section(name: str, command: Any) -> str:
    """Usage, help, arguments and options of a command, as MyST."""
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## `{name}`", f"```text\n{name} {usage}\n```"]
    for paragraph in re.split(r"\n\n+", inspect.cleandoc(command.help or "")):
        shown = paragraph.removeprefix("\b\n")
        parts.append(_plain(paragraph) if shown == paragraph else f"```text\n{shown}\n```")
    parts.append(f"```{{program}} {name}\n```")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and parameter.name != "help":
            said, words = record
            parts.append(f"```{{option}} {said}\n\n{_plain(words)}\n```")
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Text in which nothing is taken for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$])", r"\\\1", " ".join(text.split()))
