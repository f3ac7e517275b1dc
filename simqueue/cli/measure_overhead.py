"""``simqueue measure-overhead``: what the queue itself costs on this machine."""

from __future__ import annotations

import json

import simqueue.cli.options as opt


def measure_overhead(redis: opt.Redis = None, as_json: opt.AsJson = False) -> None:
    """Measure what the queue itself costs on this machine, and print it for a scenario.

    Five short runs of a real worker take about 40 s. Put what is printed into a scenario's file:
    simqueue validate and simulate then take these figures for the cost of the queue.

    Example: simqueue measure-overhead >> friday.toml
    """
    from simqueue.cli.progress import progress_bar
    from simqueue.cli.real_runs import redis_of, sigterm_as_ctrl_c
    from simqueue.validation.overhead import measure_overhead as measure

    with (
        sigterm_as_ctrl_c(),
        redis_of(redis) as server,
        progress_bar("measuring what the queue costs", 1.0) as progress,
    ):
        cost = measure(server, progress).model_dump()
        where = server.words, server.kind
    if as_json:
        print(json.dumps({"schema": 1, "redis": where[1], "overhead": cost}))
        return
    print(f"# on {where[0]}; seconds")
    print("[bullmq.overhead]")
    for name, seconds in cost.items():
        print(f"{name} = {seconds:.5f}")
