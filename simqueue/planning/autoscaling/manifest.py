"""An autoscaler as Kubernetes is told of it: KEDA's ScaledObject, or a HorizontalPodAutoscaler.

Fields are those of https://keda.sh/docs/latest/reference/scaledobject-spec/ (triggers of
``scalers/redis-lists`` and ``scalers/prometheus``), and of
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/.
Queries ask for the gauges of ``simqueue serve`` (`simqueue.operations.metrics`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from simqueue.errors import InputError
from simqueue.files import reason, writing
from simqueue.planning.autoscaling.promql import query_of
from simqueue.planning.autoscaling.settings import setting_of
from simqueue.planning.autoscaling.yaml import to_yaml
from simqueue.workload.autoscale import Autoscale, Steps
from simqueue.workload.changes import key_of
from simqueue.workload.pools import Pool
from simqueue.workload.scenario import Scenario

Kind = Literal["keda", "hpa"]
KINDS = ("keda", "hpa")
#: How a file begins that may be written over.
OURS = "# Written by simqueue autoscale"
_SYNC_S, _TOLERANCE = 15, 0.1


def manifest_of(scenario: Scenario, pool: str, kind: Kind) -> str:
    """The autoscaler of a pool as YAML; what a manifest cannot say is a comment in it.

    Parameters
    ----------
    scenario, pool
        Whose.
    kind
        ``keda`` or ``hpa``.

    Raises
    ------
    InputError
        If this kind of manifest cannot say it.
    """
    if kind not in KINDS:
        raise InputError(f"manifest {kind!r}: expected keda or hpa")
    setting = setting_of(scenario, pool)
    place = key_of("pools", pool, "autoscale")
    if kind == "hpa" and setting.min == 0:
        raise InputError(
            f"{place}.min = 0: a HorizontalPodAutoscaler has no 0 workers; expected a manifest of "
            "KEDA (--as keda)"
        )
    return _Manifest(scenario, pool, setting, place).text(kind)


def write_manifest(path: Path, text: str) -> None:
    """Write a manifest, whole or not at all.

    Raises
    ------
    InputError
        If the file is there and is none of ours, or cannot be written.
    """
    check_is_ours(path)
    try:
        with writing(path) as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: cannot write: {reason(error)}") from error


def check_is_ours(path: Path) -> None:
    """Refuse to write over a file that somebody else wrote.

    Raises
    ------
    InputError
        If it is one.
    """
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            start = file.read(len(OURS))
    except OSError as error:
        raise InputError(f"{path}: cannot read: {reason(error)}") from error
    if start and start != OURS.encode():
        raise InputError(
            f"{path}: is there already, and was not written by simqueue autoscale; expected "
            "another name"
        )


class _Manifest:
    def __init__(self, scenario: Scenario, pool: str, setting: Autoscale, place: str) -> None:
        self.scenario, self.setting, self.place = scenario, setting, place
        self.pool: Pool = scenario.pools[pool]
        self.queues = setting.of or list(self.pool.queues)
        # A name in Kubernetes is of small letters, digits and -, and ends in no -.
        self.name = re.sub("_", "-", pool.lower()).rstrip("-")

    def text(self, kind: Kind) -> str:
        """All of it."""
        table = self._keda() if kind == "keda" else self._hpa()
        comments = [
            f"{OURS}: the setting of {self.place}, as it was judged.",
            "# Yours to fill in: the name of the Deployment, and the addresses.",
            *(f"# {line}" for line in self._unsaid(kind)),
        ]
        return "\n".join(comments) + "\n" + to_yaml(table)

    def _keda(self) -> dict[str, Any]:
        setting = self.setting
        spec: dict[str, Any] = {"scaleTargetRef": {"name": self.name}}
        if setting.min == 0:
            spec["pollingInterval"] = self._whole("polling_s", setting.polling_s)
            spec["cooldownPeriod"] = self._whole("cooldown_s", setting.cooldown_s)
        advanced: dict[str, Any] = {
            "horizontalPodAutoscalerConfig": {"behavior": self._behavior()},
        }
        if setting.metric == "wait_list":
            triggers = [self._redis(queue) for queue in self.queues]
        else:
            triggers = [self._prometheus()]
        if len(triggers) > 1:
            # Of several triggers KEDA takes the one that asks for most: a sum has to be said.
            for number, trigger in enumerate(triggers):
                trigger["name"] = f"list{number}"
            advanced["scalingModifiers"] = self._sum(triggers)
        spec |= {"minReplicaCount": setting.min, "maxReplicaCount": setting.max}
        spec |= {"advanced": advanced, "triggers": triggers}
        return {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": self.name},
            "spec": spec,
        }

    def _redis(self, queue: str) -> dict[str, Any]:
        length = str(self._whole("target", self.setting.target))
        active = str(self._whole("activation", self.setting.activation))
        metadata = {"address": "redis:6379", "listName": f"bull:{queue}:wait", "listLength": length}
        if self.setting.min == 0:
            metadata["activationListLength"] = active
        return {"type": "redis", "metricType": "AverageValue", "metadata": metadata}

    def _sum(self, triggers: Sequence[dict[str, Any]]) -> dict[str, Any]:
        found = {
            "formula": " + ".join(one["name"] for one in triggers),
            "target": str(self._whole("target", self.setting.target)),
            "metricType": "AverageValue",
        }
        if self.setting.min == 0:
            found["activationTarget"] = str(self._whole("activation", self.setting.activation))
        return found

    def _prometheus(self) -> dict[str, Any]:
        metadata = {
            "serverAddress": "http://prometheus:9090",
            "query": query_of(self.setting.metric, self.queues, self.pool),
            "threshold": self._number("target", self.setting.target),
        }
        if self.setting.min == 0:
            active = self._number("activation", self.setting.activation)
            metadata["activationThreshold"] = active
        return {"type": "prometheus", "metricType": self._target_type, "metadata": metadata}

    @property
    def _target_type(self) -> str:
        return "AverageValue" if self.setting.shared else "Value"

    def _hpa(self) -> dict[str, Any]:
        setting, kind = self.setting, self._target_type
        target = {
            "type": kind,
            kind[0].lower() + kind[1:]: self._number("target", setting.target),
        }
        external = {"metric": {"name": self._metric_name}, "target": target}
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": self.name},
            "spec": {
                "scaleTargetRef": {
                    "apiVersion": "apps/v1", "kind": "Deployment", "name": self.name,
                },
                "minReplicas": setting.min,
                "maxReplicas": setting.max,
                "metrics": [{"type": "External", "external": external}],
                "behavior": self._behavior(),
            },
        }  # fmt: skip

    @property
    def _metric_name(self) -> str:
        return f"simqueue_{self.name.replace('-', '_')}_{self.setting.metric}"

    def _behavior(self) -> dict[str, Any]:
        setting = self.setting
        return {
            "scaleUp": self._rules("up", setting.up_after_s, setting.up),
            "scaleDown": self._rules("down", setting.down_after_s, setting.down),
        }

    def _rules(self, way: str, after_s: float, steps: Steps) -> dict[str, Any]:
        period = self._whole(f"{way}.per_s", steps.per_s)
        values: list[tuple[str, int]] = []
        if steps.percent is not None:
            values.append(("Percent", self._whole(f"{way}.percent", steps.percent)))
        if steps.processes is not None:
            values.append(("Pods", steps.processes))
        return {
            "stabilizationWindowSeconds": self._whole(f"{way}_after_s", after_s),
            "selectPolicy": "Max",
            "policies": [
                {"type": kind, "value": value, "periodSeconds": period} for kind, value in values
            ],
        }

    def _unsaid(self, kind: Kind) -> list[str]:
        """What the manifest cannot say, and whoever applies it has to know."""
        setting = self.setting
        lines = [
            f"Judged with a look every {setting.every_s:g} s (the controller's "
            f"--horizontal-pod-autoscaler-sync-period; its default is {_SYNC_S} s)",
            f"and a tolerance of {setting.tolerance:g} (--horizontal-pod-autoscaler-tolerance; its "
            f"default is {_TOLERANCE:g}), with workers that take jobs",
            f"{self.pool.start_s:g} s after they are asked for, and a metric that is never late.",
        ]
        if kind == "hpa":
            lines += [
                f"An adapter has to serve the external metric {self._metric_name}:",
                f"  {query_of(self.setting.metric, self.queues, self.pool)}",
            ]
        if kind == "hpa" or setting.metric != "wait_list":
            lines.append("The gauges are those of simqueue serve.")
        else:
            lines.append("bull is the prefix that BullMQ's keys have by default.")
        if setting.metric == "ready":
            lines.append("A retry that is due counts from when a worker has fetched, not before.")
        if setting.metric == "oldest_s":
            lines.append("Jobs whose moment Redis does not keep, retries among them, do not count.")
        if setting.metric in ("busy", "utilisation"):
            lines.append("The gauges are of all workers of a queue, other pools' among them.")
        return lines

    def _whole(self, key: str, value: float) -> int:
        if value != int(value):
            raise InputError(
                f"{self.place}.{key} = {value:g}: a manifest holds whole numbers here; expected one"
            )
        return int(value)

    def _number(self, key: str, value: float) -> str:
        """A quantity: Kubernetes keeps three decimals."""
        if abs(value * 1000 - round(value * 1000)) > 1e-6:
            raise InputError(
                f"{self.place}.{key} = {value:g}: a manifest holds three decimals; expected no more"
            )
        return f"{value:.3f}".rstrip("0").rstrip(".")
