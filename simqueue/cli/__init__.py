"""The command line: ``python -m simqueue COMMAND``.

Results go to standard output, progress and logs to standard error. What goes wrong is one line;
the exit code tells what that was: 2, what was given cannot be used (nothing was done); 1, trouble
on the way (a server was lost), a question answered with no, a figure out of tolerance; 130, Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Annotated

import typer
from typer.exceptions import TyperException

from simqueue import __version__
from simqueue.cli.autoscale import autoscale
from simqueue.cli.backoff import backoff
from simqueue.cli.calibrate import calibrate
from simqueue.cli.compare import compare
from simqueue.cli.course import course
from simqueue.cli.failed import failed
from simqueue.cli.measure_overhead import measure_overhead
from simqueue.cli.outage import outage
from simqueue.cli.outermost import run_safely, signals_as_before
from simqueue.cli.plan import plan
from simqueue.cli.play import play
from simqueue.cli.replay import replay
from simqueue.cli.serve import serve
from simqueue.cli.simulate import simulate
from simqueue.cli.stats import stats
from simqueue.cli.sweep import sweep
from simqueue.cli.validate import validate
from simqueue.cli.validate_log import validate_log
from simqueue.cli.worker import worker

app = typer.Typer(
    name="simqueue",
    help="Understand, and plan, production job queues.",
    epilog="Start with: python -m simqueue simulate",
    rich_markup_mode=None,
    add_completion=False,
)
#: Every command, and what it does in the words that fit into a list of them.
_COMMANDS: dict[Callable[..., None], str] = {
    simulate: "Simulate queues, and say what would happen.",
    play: "Play with the live model in a browser.",
    compare: "Compare training mode with production, fairly.",
    plan: "Find the fewest workers with which targets hold.",
    autoscale: "Judge an autoscaler, and look for a better setting.",
    outage: "Try what a downstream that fails for a while does.",
    sweep: "Simulate one scenario at many settings.",
    validate: "Run the same jobs on BullMQ and in the model.",
    validate_log: "Replay in the model what real workers wrote down.",
    calibrate: "Watch a live BullMQ, and make a scenario of it.",
    measure_overhead: "Measure what the queue itself costs here.",
    replay: "Place recorded orders in the shop.",
    worker: "Do the jobs of the shop's queues.",
    stats: "Print what queues of any BullMQ hold.",
    serve: "Serve the same as a live page, JSON and metrics.",
    backoff: "Print when each attempt of a job would be made.",
}
for command, words in _COMMANDS.items():
    app.command(short_help=words)(command)
app.add_typer(failed, short_help="List failed jobs, show, retry or remove them.")
app.add_typer(course, short_help="Use the course in a class: editions, progress, scores.")

#: Options of ``validate`` that have become commands.
_MOVED = {
    "--log": "simqueue validate-log FILE.csv",
    "--measure-overhead": "simqueue measure-overhead",
}


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


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code: 0, 1 for trouble, 2 for bad input, 130 after Ctrl-C.

    Without ``arguments`` it is the program that was started, which ends with it: a worker that is
    done hears no signal any more. Whoever gives some goes on, and hears them as before.
    """
    with nullcontext() if arguments is None else signals_as_before():
        return run_safely(
            lambda: int(app(arguments, prog_name="simqueue", standalone_mode=False) or 0), _usage
        )


def _usage(error: TyperException) -> str:
    """What is wrong with the command line, and where to look."""
    context, option = getattr(error, "ctx", None), getattr(error, "option_name", "")
    if context is not None and context.info_name == "validate" and option in _MOVED:
        return f"validate {option}: it is a command of its own now: {_MOVED[option]}"
    text = error.format_message()
    return text if "--help" in text else f"{text} (see simqueue --help)"
