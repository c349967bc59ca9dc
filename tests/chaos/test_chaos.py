"""The short set of `./dev chaos`, one after the other on one product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.checker import check_stopped
from tests.chaos.scenarios import SHORT
from tests.chaos.stage import Stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(seed=1) as made:
        yield made


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_or_doubled(stage: Stage, name: str) -> None:
    if name == "fill-disk" and not stage.small_disk:
        pytest.skip("a small disk of its own needs root")
    SHORT[name](stage)


def test_nothing_runs_on_after_the_stop(stage: Stage) -> None:
    stage.stop()
    check_stopped(stage)
