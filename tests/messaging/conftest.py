"""A workspace for tests of delivery, which really commit, on several connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.messaging import deliver
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.sink import Sink
from tests.messaging.world import World


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass looks again ten times as soon: with the pauses of production, tests of many passes stand still most of the time."""
    monkeypatch.setattr(deliver, "LOOK_S", 0.05)
    monkeypatch.setattr(deliver, "SOON_S", 0.005)


@pytest.fixture
def world(committed_database: CommittedDatabase, sink: Sink) -> Iterator[World]:
    """A workspace with a connector to the sink, a template and an active workflow."""
    with committed_database.connect() as connection:
        yield World(connection, sink)
