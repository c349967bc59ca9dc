"""Functions that tests let the sandbox work out."""

from __future__ import annotations

import os
import re
import time
from datetime import datetime
from pathlib import Path

from app.lib import clock


def whereabouts() -> tuple[int, list[str]]:
    """The process, and the names in its environment."""
    return os.getpid(), sorted(os.environ)


def what_time() -> datetime:
    return clock.now()


def refuse(text: str) -> None:
    raise ValueError(text)


class Odd(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one}{other}")


def break_oddly() -> None:
    raise Odd("a", "b")


def spin() -> None:
    while True:
        pass


def spin_in_c() -> None:
    re.fullmatch(r"(a|aa)*!", "a" * 200)


def hoard() -> list[bytes]:
    return [bytes(1 << 28) for _ in range(64)]


def wait_for(path: str) -> bool:
    """Until the file is there: work that takes no processor time."""
    while not Path(path).exists():
        time.sleep(0.01)
    return True
