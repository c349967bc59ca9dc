"""A stored time zone that is none here stays chosen in the form: saving another field of it must not replace it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.values.zone_choices import offered_zones
from app.web.fragments import Components, FragmentEngine

SPECIAL = [("contact", "The contact’s")]


def shown(value: str) -> str:
    """The field of a form for this value."""
    fragments = FragmentEngine([Path("app/templates")])
    field = fragments.engine.from_string('{{ ui.zone_select("zone", "Time zone", special, zones, value) }}')
    ui = Components(fragments.engine, fragments.components, {})
    return field.render(ui=ui, special=SPECIAL, zones=offered_zones(value), value=value)


@pytest.mark.parametrize("zone", ["Europe/Kyiw", "W. Europe Standard Time"])
def test_a_zone_that_is_unknown_stays_chosen(zone: str) -> None:
    assert re.findall(r"<option[^>]* selected[^>]*>[^<]*", shown(zone)) == [
        f'<option value="{zone}" selected>{zone} · not known here'
    ]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "contact", "US/Eastern", ""])
def test_a_zone_that_is_known_is_offered_once(zone: str) -> None:
    field = shown(zone)
    assert "not known here" not in field and field.count(f'<option value="{zone}" selected') == bool(zone)
