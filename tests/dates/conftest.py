"""A workspace on a database that really commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    new = World(committed_database.url)
    yield new
    new.close()
