"""The children that run code keep nothing of it: after many ordinary calls they are as large as after some."""

from __future__ import annotations

from typing import get_args

import pytest

from app.lib.code_runner.pool import CodePool, Language
from bench.rig.code_calls import call, resident_mb

CALLS: dict[Language, tuple[int, int]] = {"javascript": (200, 1_000), "python": (600, 1_500)}
"""How many go before, and how many are measured. The program of Python is another one after 500, so that it is met at each of its ages."""


@pytest.mark.parametrize("language", get_args(Language))
def test_memory_is_flat_over_many_calls(language: Language) -> None:
    pool, (some_calls, many) = CodePool(language, processes=1), CALLS[language]
    try:
        for _ in range(some_calls):
            call(pool, language)
        some, pids = resident_mb(pool), [child.process.pid for child in pool._children.values()]
        for _ in range(many):
            call(pool, language)
        assert [child.process.pid for child in pool._children.values()] == pids, "no child was replaced meanwhile"
        assert resident_mb(pool) < some * 1.1 + 4
    finally:
        pool.close()
