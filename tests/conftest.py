from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from chromium import Page
from hypothesis import settings
from node_packages import as_bullmq, install, newest
from redis_servers import RedisServer, find_redis
from servers import PostgresServer, find_postgres

from simqueue.validation.node.installed import MAJORS, NodeBullMQ, find_bullmq

CI = os.environ.get("CI") == "true"
#: How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")
    parser.addoption("--hunt", action="store_true", help="run only the searches for new faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for: a hunt always, what is slow on a laptop."""
    hunting = config.getoption("--hunt")
    asked_for: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        asked_for[hunting == bool(item.get_closest_marker("hunt"))].append(item)
    config.hook.pytest_deselected(items=asked_for[False])
    items[:] = asked_for[True]
    if hunting or CI or config.getoption("--slow"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: runs with --slow or CI=true"))


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A command that was run in this process sends the logs to a stream that is closed later."""
    loggers = [logging.getLogger(name) for name in ("simqueue", "")]
    before = [(one.handlers[:], one.propagate, one.level) for one in loggers]
    yield
    for one, (handlers, propagate, level) in zip(loggers, before, strict=True):
        one.handlers[:], one.propagate, one.level = handlers, propagate, level


def missing(what: str) -> None:
    """Skip on a laptop without ``what``; where CI=true it has to be there."""
    if CI:
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Node's BullMQ in all its supported versions, side by side."""
    if not shutil.which("node") or not shutil.which("npm"):
        missing("Node.js with npm")
    return install(strict=CI)


@pytest.fixture(scope="session", params=MAJORS)
def node_bullmq(request: pytest.FixtureRequest, node_modules: Path) -> NodeBullMQ:
    """A BullMQ whose workers can be the real side, once of each version."""
    return find_bullmq(as_bullmq(node_modules, newest(request.param)))


@pytest.fixture(scope="session")
def another_process() -> Iterator[Executor]:
    """A process that knows nothing of this one, as where processes cannot be forked."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    programs = find_postgres()
    if programs is None:
        missing("PostgreSQL's server")
    else:
        server = PostgresServer(programs)
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def redis_program() -> None:
    """For tests that start servers of their own."""
    if not find_redis():
        missing("redis-server")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A private Redis, shared by the tests of one process; tests use prefixes or `redis_url`.

    It looks 500 times a second whose wait is over. At its usual ten times a delayed job may begin
    100 ms late, by chance, and tests that compare orders of starts would meet that chance.
    """
    if not find_redis():
        missing("redis-server")
    server = RedisServer("--hz", "500")
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of an empty Redis."""
    redis_server.clear()
    return redis_server.url


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever meets a Redis that is away asks again at once, and soon gives up."""
    monkeypatch.setattr("redis.backoff.ExponentialBackoff.compute", lambda *_: 0.0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("Chromium")
    with Page(str(program)) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    """The browser's page, empty and with nothing to complain about."""
    browser.open("about:blank")
    browser.look(1280)
    browser.requests.clear()
    browser.errors.clear()
    return browser
