"""``simqueue autoscale``: whether an autoscaler will do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

import simqueue.cli.options as opt


def autoscale(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO.toml",
            help="Take the day of this file. "
            "[default: the busiest day of the recorded weeks, scaled up]",
        ),
    ] = None,
    target: opt.Targets = None,
    pool: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name the pool whose autoscaler is judged. [default: the only one's]",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="Choose what it looks at: ready, wait_list, busy, oldest_s or utilisation. "
            "[default: the scenario's, else ready]",
        ),
    ] = None,
    per_worker: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Set its target: so much of the metric for each worker; of oldest_s and "
            "utilisation just so much.",
        ),
    ] = None,
    min_: Annotated[
        int | None, typer.Option("--min", metavar="N", help="Set the fewest workers.")
    ] = None,
    max_: Annotated[
        int | None, typer.Option("--max", metavar="N", help="Set the most workers.")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(metavar="S", help="Set how many seconds a new worker takes to start."),
    ] = None,
    traffic: opt.Traffic = 1.0,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Simulate so many days.")] = 10,
    kept: opt.Kept = 0.95,
    most: opt.Most = 1000,
    proposals: Annotated[bool, typer.Option(help="Look also for other settings.")] = True,
    cores: opt.Cores = None,
    cluster: opt.Cluster = None,
    seed: opt.Seed = None,
    set_: opt.Set = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml",
            help="Write the setting that was judged as a manifest for "
            "Kubernetes; a file that something else wrote is left alone.",
        ),
    ] = None,
    kind: Annotated[
        Literal["keda", "hpa"] | None,
        typer.Option(
            "--as",
            metavar="keda|hpa",
            help="Choose the manifest: KEDA's ScaledObject, or a HorizontalPodAutoscaler. "
            "[default: hpa if the file's name says so, else keda]",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the workers of the first day.")
    ] = None,
    report: opt.Report = None,
    as_json: opt.AsJson = False,
) -> None:
    """Judge an autoscaler: on how many days targets hold with it, and what would do for less.

    It is that of [pools.NAME.autoscale], or given by options. On the same days it is compared with
    the fewest workers that are enough all day, and with other settings. The exit code is 1 if the
    targets do not hold with it.

    \b
    Try:
      simqueue autoscale --target 'order.response.p95 < 10s' --per-worker 20 --max 8 --start 40
      simqueue autoscale shop.toml --target 'order.wait.p95 < 30s' --plot day.png
      simqueue autoscale shop.toml --target 'order.wait.p95 < 30s' --min 4 --export keda.yaml
      simqueue autoscale shop.toml --target 'order.wait.p95 < 30s' --report autoscaler.html
    """  # noqa: D301
    from simqueue.cli.files import check_writable
    from simqueue.cli.presenting import ending_early, say_engine, show
    from simqueue.cli.progress import telling
    from simqueue.errors import InputError
    from simqueue.planning.autoscaling.judge import autoscale as judge
    from simqueue.planning.autoscaling.manifest import check_is_ours, manifest_of
    from simqueue.planning.autoscaling.settings import with_autoscaler
    from simqueue.workload.reading import read_scenario

    scenario = read_scenario(file, opt.changes_of(set_, seed=seed))
    if not target:
        raise InputError("no target: --target 'order.response.p95 < 10s' says what has to hold")
    given = {"metric": metric, "target": per_worker, "min": min_, "max": max_}
    setting = {key: value for key, value in given.items() if value is not None}
    check_writable(plot, ".png")
    check_writable(report, ".html")
    check_writable(export)
    if export is not None:
        if export.suffix not in (".yaml", ".yml"):
            raise InputError(f"{export}: expected a name that ends in .yaml or .yml")
        check_is_ours(export)
        kind = kind or ("hpa" if "hpa" in export.name.lower() else "keda")
        manifest_of(*with_autoscaler(scenario, pool, setting, start), kind)
    with ending_early():
        with telling(f"judging the autoscaler of {scenario.name}") as tell:
            found = judge(
                scenario, target, setting, pool=pool, start_s=start, traffic=traffic, days=days,
                kept=kept, most=most, proposals=proposals, cores=cores, cluster=cluster, tell=tell,
            )  # fmt: skip
        say_engine(found.engine)
        show(found, plot, report, as_json)
        if export is not None:
            found.export(export, kind or "keda")
    if found.interrupted:
        raise typer.Exit(130)
    if not found.will_do:
        raise typer.Exit(1)
