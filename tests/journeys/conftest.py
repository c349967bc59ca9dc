"""Databases and a Valkey for journeys through the real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.fixtures import database, environment


@dataclass
class ProductServers:
    """What a product needs to run: databases built by the migrations, and a Valkey."""

    redis_url: str
    made: list[str] = field(default_factory=list)

    def fresh_database(self) -> str:
        """The URL of a new migrated database."""
        name = f"test_{os.getpid()}_journey_{len(self.made)}"
        database._clone(name)
        self.made.append(name)
        return environment.server_url(name)


@pytest.fixture
def product_servers(_valkey_url: str) -> Iterator[ProductServers]:
    servers = ProductServers(_valkey_url)
    yield servers
    for name in servers.made:
        database._drop(name)
