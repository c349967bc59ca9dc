"""Texts of a step as they come out for one contact and one event, while somebody writes them. Needs no database: a child of the
sandbox imports it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.flow import paths
from app.flow.scope import CompileScope
from app.lib import clock
from app.lib.conversions import follow, is_blank, printed
from app.lib.zones import zone_of
from app.liquid.templates import LiquidError, compile_text
from app.values.contact_view import liquid_data

MOST_TEXTS = 100
MOST_SHOWN = 300
"""Characters that are shown of one text."""


@dataclass
class SampleContact:
    """Somebody, as steps see contacts."""

    id: bytes = bytes(16)
    columns: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    consent: dict[str, Any] = field(default_factory=dict)


@dataclass
class SampleStep:
    """A step for a text to be tried on: nothing came before it."""

    contact: SampleContact
    event: dict[str, Any]
    event_name: str = ""
    timezone: str = "UTC"
    steps: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return clock.now()

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.contact.columns.get("timezone"), self.timezone)

    @property
    def data(self) -> dict[str, Any]:
        one = self.contact
        return {
            "contact": liquid_data(UUID(bytes=one.id), one.columns, one.attributes, one.tags, one.consent),
            "event": self.event,
            "steps": {},
            "vars": {},
            "workspace": {"timezone": self.timezone},
        }


class Placeholder(NamedTuple):
    """A plain placeholder of a text, and what becomes of it where there is no value: it stays empty, is `instead`, or fails the step."""

    path: str
    rule: Literal["empty", "default", "fail"]
    instead: str
    is_missing: bool


class FilledText(NamedTuple):
    """How a text comes out, in one line; or why it does not. `later`: it reads what earlier steps put out, which is not known here."""

    source: str
    text: str
    error: str
    later: bool
    placeholders: list[Placeholder]


def fill_in(texts: Sequence[str], sample: SampleStep) -> list[FilledText]:
    """Each text that has placeholders, once, as it comes out."""
    with_placeholders = [text for text in dict.fromkeys(texts) if "{{" in text or "{%" in text]
    return [_filled(text, sample) for text in with_placeholders[:MOST_TEXTS]]


_PLAIN = re.compile(
    r"""\{\{\s*([A-Za-z_][\w.\[\]-]*)\s*(?:\|\s*(or_fail|default:\s*(?:"([^"]*)"|'([^']*)'))\s*)?\}\}"""
)


def _filled(text: str, sample: SampleStep) -> FilledText:
    placeholders = []
    for path, rule, double, single in _PLAIN.findall(text):
        kind: Literal["empty", "default", "fail"] = "empty" if not rule else "fail" if rule == "or_fail" else "default"
        placeholders.append(Placeholder(path, kind, double or single, _is_missing(path, sample)))
    try:
        shown = " ".join(printed(CompileScope().value(text)(sample)).split())
        read_paths = compile_text(text, html=False).paths
    except LiquidError as error:
        sentence = str(error).removeprefix("Line 1: ")
        return FilledText(text, "", f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.", False, placeholders)
    shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
    later = any(paths.names_of(path)[0] in ("steps", "vars") for path in read_paths)
    return FilledText(text, shown, "", later, list(dict.fromkeys(placeholders)))


def _is_missing(path: str, sample: SampleStep) -> bool:
    """Has neither the contact nor the event a value here? What earlier steps put out is not known."""
    names = paths.names_of(path)
    if names[0] in ("steps", "vars", "workspace"):
        return False
    value = follow(sample.data, names) if names[0] in paths.ROOTS else CompileScope().field(path)(sample)
    return is_blank(value)
