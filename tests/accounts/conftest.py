"""Settings that accounts tests need."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from app.settings import settings


@pytest.fixture
def not_local(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a server: nobody's own machine."""
    changed = dataclasses.replace(settings(), local=False)
    monkeypatch.setattr("app.accounts.pages.settings", lambda: changed)
    yield
