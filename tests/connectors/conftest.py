"""The mail server of the messaging tests, for the test button."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.messaging.sink import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    made.start()
    yield made
    made.stop()
