"""The command line: ``python -m simqueue COMMAND``.

Results go to standard output, progress and logs to standard error. Bad input ends with one line
and exit code 2.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from simqueue import __version__
from simqueue.cli.backoff import backoff
from simqueue.cli.failed import failed
from simqueue.cli.replay import replay
from simqueue.cli.serve import serve
from simqueue.cli.simulate import simulate
from simqueue.cli.stats import stats
from simqueue.cli.validate import validate
from simqueue.cli.worker import worker
from simqueue.errors import InputError, SimqueueError

app = typer.Typer(
    name="simqueue",
    help="Understand, and plan, production job queues.",
    epilog="Start with: python -m simqueue simulate",
    rich_markup_mode=None,
    add_completion=False,
)
for command in (simulate, validate, replay, worker, stats, serve, backoff):
    app.command()(command)
app.add_typer(failed)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is."),
    ] = False,
) -> None:
    """What is asked without a command: the version, or else help."""
    if version:
        print(__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code: 0, 1 for trouble, 2 for bad input, 130 after Ctrl-C."""
    try:
        return int(app(arguments, prog_name="simqueue", standalone_mode=False) or 0)
    except InputError as error:
        return _refuse(str(error))
    except SimqueueError as error:
        # Nobody's input: Redis or the database went away in the middle.
        _refuse(str(error))
        return 1
    except TyperException as error:
        return _refuse(error.format_message(), help_too=True)
    except BrokenPipeError:
        # Whoever read our output has had enough, as in `simqueue backoff | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _refuse(text: str, *, help_too: bool = False) -> int:
    line = " ".join(text.split())
    hint = " (see simqueue --help)" if help_too and "--help" not in line else ""
    print(f"error: {line}{hint}", file=sys.stderr)
    return 2
