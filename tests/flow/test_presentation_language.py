"""How a type looks is read once; its words are in the language of each reader."""

from __future__ import annotations

import pytest

from app.flow import presentation
from app.lib import translation


def test_who_reads_first_decides_no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    assert translation.gettext("Begin with") == "Begin with"
    with translation.using("de"):
        assert translation.gettext("Begin with") != "Begin with", "else this shows nothing"
        first = presentation._all_steps.__wrapped__()
    words = {one.preset_word for one in first.values()}
    assert "Begin with" in words and words == {
        one.preset_word for one in presentation._all_steps.__wrapped__().values()
    }
