"""A workspace for tests of delivery, which really commit, on several connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.database import CommittedDatabase
from tests.fixtures.sink import Sink
from tests.messaging.world import World


@pytest.fixture
def world(committed_database: CommittedDatabase, sink: Sink) -> Iterator[World]:
    """A workspace with a connector to the sink, a template and an active workflow."""
    with committed_database.connect() as connection:
        yield World(connection, sink)
