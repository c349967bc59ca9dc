"""Fixtures of all tests: a real PostgreSQL built by the migrations, and clients of the real app.

    db_session           an AsyncSession in a transaction that is rolled back; `database.transaction()` joins it
    client               an httpx client of the app, whose requests join the same transaction
    workspace, other_workspace · principals[Role] · api(role, tenant) · browser(role, tenant)
    clock                moves app.lib.clock (and `clock_now()` with `clock.store(...)`)
    committed_database   a database of its own for code that must really commit (the engine, several connections)
    committed_client     the app on that database
    sink, locked         a real mail server that does what a test says; one that wants a sign-in
    redis_url            a real Valkey; without this fixture the code under test has none

Servers are those of `./dev test` when it runs the tests, else one kept in the temporary directory between runs.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures import environment
from tests.fixtures.costly import APART, FAST, LONGEST, SLOW, left_out

environment.prepare()

from app import installed_types  # noqa: E402  reads the environment
from app.troubles import service as troubles  # noqa: E402  reads the environment
from app.web import client_address  # noqa: E402  reads the environment

installed_types.install()

# Property tests share two processors with servers and browsers: how long an example takes says nothing.
# A build says the same of the same code; new examples are found where people run the tests. Each run of theirs has others, so that
# 50 a run are as many as 100 in every second one.
settings.register_profile(
    "shared",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile("quick", settings.get_profile("shared"), max_examples=15)
settings.load_profile("shared")

pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.web",
    "tests.fixtures.people",
    "tests.fixtures.clock",
    "tests.fixtures.frozen",
    "tests.fixtures.held_connections",
    "tests.fixtures.sink",
    "tests.fixtures.routes",
    "tests.fixtures.stripped",
]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The fast run does not import what it leaves out: that takes seconds in each of its processes."""
    return True if config.option.markexpr == FAST and left_out(collection_path, config.rootpath) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For several test processes: a file stays in one of them unless its tests may part, the longest come first."""
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        apart = item.nodeid.startswith(APART)
        item.add_marker(pytest.mark.xdist_group(item.nodeid if apart else item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """The app and the tests stay until the end: looked through every 700 objects for what is over, they cost a tenth of all tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def no_processes_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of pages have no worker and no scheduler: the process that shows them counts as having just begun."""
    monkeypatch.setattr(troubles, "_began", float("inf"))


@pytest.fixture(autouse=True)
def no_proxy_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that one test came through is not there for the next."""
    monkeypatch.setattr(client_address, "_untrusted", None)
