"""Types are loaded once, and whoever asks sees all of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.flow.discovery import TypeList

SLOW = """
import sys
place = sys.modules["place_of_types"]
place.begun.set()
assert place.go_on.wait(20)
place.types.by_name["slow"] = "slow"
place.types.discover()
place.seen = sorted(place.types.by_name)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A package of two modules, the second of which waits in the middle of its import, and asks for the types."""
    (tmp_path / "quick.py").write_text("import sys\nsys.modules['place_of_types'].types.by_name['quick'] = 'quick'\n")
    (tmp_path / "slow.py").write_text(SLOW)
    package: Any = ModuleType("place_of_types")
    package.__path__ = [str(tmp_path)]
    package.types = TypeList("type", "nodes", ())
    package.types.look_in(package)
    package.begun, package.go_on, package.seen = threading.Event(), threading.Event(), None
    monkeypatch.setitem(sys.modules, package.__name__, package)
    yield package
    for name in ("quick", "slow"):
        sys.modules.pop(f"{package.__name__}.{name}", None)


def test_who_asks_while_another_thread_loads_them_sees_all(place: Any) -> None:
    def ask() -> list[str]:
        place.types.discover()
        return sorted(place.types.by_name)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask)
        assert place.begun.wait(20)
        second = threads.submit(ask)
        # It waits, or it has seen too little: nothing else lets it answer before the module may go on.
        with pytest.raises(TimeoutError):
            second.result(0.05)
        place.go_on.set()
        assert first.result(20) == second.result(20) == ["quick", "slow"]
    assert place.seen == ["quick", "slow"], "a module may ask while it is loaded"
    assert not place.types.failures
