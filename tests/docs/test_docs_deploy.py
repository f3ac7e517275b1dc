"""The files to deploy with: read, checked, and, where a server can take them, taken by it."""

from __future__ import annotations

import asyncio
import configparser
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from conftest import missing
from pages import DEPLOY, DOCS, fences, table
from prometheus_client import CollectorRegistry
from redis_servers import RedisServer, find_redis

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.cli import run
from simqueue.jobs import order_job
from simqueue.metrics import AttemptCounters
from simqueue.operations.metrics import QueueGauges
from simqueue.workers.process import check_server

DEPLOYMENT = DOCS / "deployment.md"
UNITS = ("simqueue-worker@.service", "simqueue-serve.service")


def read_unit(name: str) -> configparser.ConfigParser:
    """A unit file; systemd's form is that of an ini file, with keys as they are written."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((DEPLOY / name).read_text())
    return parser


@pytest.mark.parametrize("name", UNITS)
def test_units_are_hardened_and_come_back(name: str) -> None:
    """A service has no rights that it does not need, no secret in its unit, and is restarted."""
    service = read_unit(name)["Service"]

    assert service["Restart"] == "on-failure"
    assert service["EnvironmentFile"].startswith("/etc/simqueue/")
    assert "Environment" not in service
    assert service["User"] not in ("root", "")
    for setting in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome",
                    "ProtectKernelModules", "RestrictSUIDSGID"):  # fmt: skip
        assert service[setting] == "yes", setting
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""


def test_the_worker_is_killed_only_after_its_grace_period() -> None:
    """systemd and the containers wait longer for the drain than the worker gives it."""
    service = read_unit(UNITS[0])["Service"]
    grace = float(service["ExecStart"].split("--grace ")[1].split()[0])
    worker = compose()["services"]["worker"]
    contained = float(worker["command"][worker["command"].index("--grace") + 1])

    assert float(service["TimeoutStopSec"]) >= grace + 10
    assert float(worker["stop_grace_period"].removesuffix("s")) >= contained + 10


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    """systemd knows every key and value; where it is not installed, the form is checked."""
    # The program that the unit starts is not installed here, and has to be somewhere.
    text, replaced = re.subn(
        r"^ExecStart=\S+", "ExecStart=/bin/true", (DEPLOY / name).read_text(), flags=re.MULTILINE
    )
    assert replaced == 1
    if shutil.which("systemd-analyze") is None:
        assert set(read_unit(name)) == {"DEFAULT", "Unit", "Service", "Install"}
        return
    unit = tmp_path / name
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    # Other units of the machine may have troubles of their own.
    about = [line for line in done.stderr.splitlines() if name.partition(".")[0] in line]
    assert about == []


def test_environment_files_are_made_for_root_alone() -> None:
    """The commands that make the files for secrets give them mode 0600."""
    made = re.findall(r"install -m (\d+) /dev/null (\S+)", "".join(fences(DEPLOYMENT, "sh")))

    assert {path for _, path in made} == {
        read_unit(name)["Service"]["EnvironmentFile"] for name in UNITS
    }
    assert {int(mode, 8) for mode, _ in made} == {stat.S_IRUSR | stat.S_IWUSR}


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_keeps_what_the_page_promises() -> None:
    """Redis keeps its jobs, workers are several, the page is on loopback, secrets are asked for."""
    services = compose()["services"]

    assert set(services) == {"redis", "postgres", "worker", "serve"}
    assert "./redis.conf:/usr/local/etc/redis/redis.conf:ro" in services["redis"]["volumes"]
    assert "redis:/data" in services["redis"]["volumes"]
    assert services["redis"]["command"][:2] == ["redis-server", "/usr/local/etc/redis/redis.conf"]
    assert services["worker"]["deploy"]["replicas"] >= 2
    assert services["worker"]["environment"]["WORKER_MODE"] == "bull-queue"
    assert services["serve"]["ports"] == ["127.0.0.1:8080:8080"]
    assert not any("ports" in services[name] for name in ("redis", "postgres", "worker"))
    for name in ("REDIS_PASSWORD", "POSTGRES_PASSWORD", "SIMQUEUE_TOKEN"):
        assert f"${{{name}:?" in (DEPLOY / "compose.yaml").read_text()
    for service in services.values():
        assert service["restart"] == "unless-stopped"
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[needed]


def test_the_page_says_that_containers_are_not_run() -> None:
    """Nobody takes the compose file for tested."""
    assert "not run in CI" in DEPLOYMENT.read_text()
    assert "NOT run in simqueue's CI" in (DEPLOY / "compose.yaml").read_text()


def test_redis_accepts_the_fragment() -> None:
    """A Redis that includes the fragment has the settings that a worker's check asks for."""
    if not find_redis():
        missing("redis-server")
    server = RedisServer("--include", str(DEPLOY / "redis.conf"))
    try:
        with redis.Redis(port=server.port, decode_responses=True) as client:
            settings = client.config_get("append*", "maxmemory-policy")
            assert settings["appendonly"] == "yes"
            assert settings["appendfsync"] == "everysec"
            assert settings["maxmemory-policy"] == "noeviction"

        async def complaints() -> list[str]:
            connection = await connect(server.url)
            found = await check_server(connection)
            await connection.close()
            return found

        assert asyncio.run(complaints()) == []
    finally:
        server.stop()


def test_the_user_of_redis_can_do_all_that_is_needed(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's access rule lets the shop enqueue and be counted, and nothing dangerous."""
    rule = next(
        line for block in fences(DEPLOYMENT, "") for line in block.splitlines()
        if line.startswith("user simqueue ")
    )  # fmt: skip
    _, name, *rights = rule.replace("CHANGE-ME", "CHANGEME").split()
    redis_server.clear()
    url = redis_server.url.replace("//", f"//{name}:CHANGEME@")

    async def enqueue() -> None:
        adapter = BullQueueAdapter(await connect(url))
        await adapter.add(order_job("1"))
        await adapter.close()

    with redis.Redis(port=redis_server.port, decode_responses=True) as admin:
        admin.acl_log_reset()
        admin.execute_command("ACL", "SETUSER", name, *rights)
        try:
            asyncio.run(enqueue())
            monkeypatch.setenv("QUEUE_REDIS_URL", url)
            assert run(["stats", "--json"]) == 0
            assert '"waiting": 1' in capsys.readouterr().out
            assert admin.acl_log() == []
            with (
                redis.Redis.from_url(url) as client,
                pytest.raises(redis.exceptions.NoPermissionError),
            ):
                client.flushall()
        finally:
            admin.execute_command("ACL", "DELUSER", name)
            admin.acl_log_reset()


def test_alerts_ask_for_metrics_that_exist() -> None:
    """The page shows the expressions of the rules, and every metric in them is one of ours."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    registry = CollectorRegistry()
    AttemptCounters(registry, ["order"], "a test")
    QueueGauges(registry)
    known = {
        name for family in registry.collect() for name in (family.name, f"{family.name}_total")
    }

    assert {row[0]: row[1] for row in table(DEPLOYMENT, "Watching")} == rules
    for expression in rules.values():
        used = set(re.findall(r"simqueue_\w+", expression))
        # Prometheus itself says whether it reaches the server, by the job's name on the page.
        assert used or 'up{job="simqueue"}' in expression
        assert used <= known


def test_yaml_on_the_page_is_yaml() -> None:
    """What is shown for Prometheus can be pasted."""
    (prometheus,) = map(yaml.safe_load, fences(DEPLOYMENT, "yaml"))
    (job,) = prometheus["scrape_configs"]

    assert job["static_configs"] == [{"targets": ["127.0.0.1:8080"]}]
    assert [(DEPLOY / name).exists() for name in prometheus["rule_files"]] == [True]
