"""``simqueue measure-overhead``: what the queue itself costs on this machine."""

from __future__ import annotations

import json
from importlib.metadata import version

import simqueue.cli.options as opt


def measure_overhead(
    redis: opt.Redis = None,
    client: opt.Client = None,
    node_modules: opt.NodeModules = None,
    as_json: opt.AsJson = False,
) -> None:
    """Measure what the queue itself costs on this machine, and print it for a scenario.

    Five short runs of a real worker take about 40 s. Put what is printed into a scenario's file:
    simqueue validate and simulate then take these figures for the cost of the queue.

    \b
    Try:
      simqueue measure-overhead >> friday.toml
      simqueue measure-overhead --client node        with the workers of ./node_modules/bullmq
    """  # noqa: D301
    from simqueue.cli.progress import progress_bar
    from simqueue.cli.real_runs import node_of, redis_of, sigterm_as_ctrl_c
    from simqueue.validation.overhead import measure_overhead as measure
    from simqueue.validation.runnable import check_reachable

    node = node_of(client, node_modules)
    with sigterm_as_ctrl_c(), redis_of(redis) as server:
        if node is not None:
            check_reachable("node", server)
        with progress_bar("measuring what the queue costs", 1.0) as progress:
            cost = measure(server, progress, node).model_dump()
        where = server.words, server.kind
    if as_json:
        print(json.dumps({"schema": 1, "redis": where[1], "overhead": cost}))
        return
    whose = f"Python's bullmq {version('bullmq')}" if node is None else node.words
    print(f"# {whose}, on {where[0]}; seconds")
    print("[bullmq.overhead]")
    for name, seconds in cost.items():
        print(f"{name} = {seconds:.5f}")
