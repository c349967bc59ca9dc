"""The world of engine tests, and node types that break on purpose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World


class TroubleConfig(msgspec.Struct, rename="camel"):
    mode: str = "raise"
    who: str = "u3-"


class Trouble(NodeType):
    """Breaks for the contacts whose address begins with `who`: raises, puts out what cannot be encoded or stored, or kills."""

    type, label, category, description = "trouble", "Trouble", "logic", "For tests."
    Config = TroubleConfig

    @staticmethod
    def compile(config: TroubleConfig, scope: Any) -> Run:
        email = scope.field("contact.email")

        def run(step: Any) -> Outcome:
            if not email(step).startswith(config.who):
                return Done(output={"fine": True})
            if config.mode == "kill":
                os._exit(70)
            if config.mode == "raise":
                raise ValueError("poison")
            return Done(output={"bad": object() if config.mode == "odd" else "\0"})

        return run


@pytest.fixture(autouse=True)
def own_types() -> Iterator[None]:
    """Node types that a test puts on the list are off it afterwards: other tests ask of all that are on it."""
    installed = dict(registry.types())
    yield
    registry._types.clear()
    registry._types.update(installed)


@pytest.fixture
def world(committed_database: CommittedDatabase, own_types: None) -> Iterator[World]:
    registry._types["trouble"] = Trouble
    made = World(committed_database.url)
    yield made
    made.close()


@pytest.fixture(params=["pipeline", "copy"])
def any_way(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world twice: once with every batch written through a pipeline, once by COPY."""
    monkeypatch.setattr("app.engine.advance.SMALL", 10_000 if request.param == "pipeline" else -1)
    return world
