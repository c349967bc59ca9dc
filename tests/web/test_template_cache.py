"""Compiled templates are kept where byte code may be, and never outlive a change of the template or of our code."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import pytest

from app.web import template_cache
from app.web.template_cache import TemplateCache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(template_cache, "FOLDER", tmp_path / "kept")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "kept"


def rendered(source: str, *, compiles: bool) -> str:
    """By an environment of its own, as in another process; whether it had to compile is asked too."""
    compiled: list[str] = []

    class Environment(jinja2.Environment):
        def _compile(self, source: str, filename: str):  # type: ignore[no-untyped-def]
            compiled.append(filename)
            return super()._compile(source, filename)

    environment = Environment(
        loader=jinja2.DictLoader({"page.html": source}), bytecode_cache=template_cache.template_cache()
    )
    text = environment.get_template("page.html").render()
    assert bool(compiled) is compiles
    return text


def test_the_next_process_does_not_compile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered("{{ 'a' | upper }}", compiles=True) == "A"
    assert rendered("{{ 'a' | upper }}", compiles=False) == "A"
    assert rendered("{{ 'b' | upper }}", compiles=True) == "B"
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert rendered("{{ 'b' | upper }}", compiles=True) == "B", "half a file is none"
    assert rendered("{{ 'b' | upper }}", compiles=False) == "B"
    monkeypatch.setattr(template_cache, "_state_of_code", lambda: "another")
    assert rendered("{{ 'b' | upper }}", compiles=True) == "B"


def test_code_that_changed_is_another_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_cache, "APP", tmp_path)
    module = tmp_path / "filters.py"
    states = []
    for text in ("one = 1", "one = 11", "one = 11\n"):
        module.write_text(text)
        template_cache._state_of_code.cache_clear()
        states.append(template_cache._state_of_code())
    template_cache._state_of_code.cache_clear()
    assert len(set(states)) == 3


def test_nothing_is_kept_where_it_may_not_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered("{{ 1 }}", compiles=True) == "1"
    assert template_cache.template_cache() is None and not folder.exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder.write_text("a file where the folder would be")
    assert template_cache.template_cache() is None


def test_a_disk_that_takes_nothing_fails_no_page(folder: Path) -> None:
    cache = template_cache.template_cache()
    assert isinstance(cache, TemplateCache)
    folder.rmdir()
    environment = jinja2.Environment(loader=jinja2.DictLoader({"page.html": "text"}), bytecode_cache=cache)
    assert environment.get_template("page.html").render() == "text"
