"""Time zones in forms: by city, found by city, country, name or offset, and only those of places."""

from __future__ import annotations

import pytest

from app.lib import translation
from app.values.zone_choices import offered_zones


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Europe/Berlin", "berlin germany europe/berlin central european"),
        ("Asia/Kolkata", "kolkata india utc+5:30 +05:30"),
        ("America/Sao_Paulo", "brazil america/sao paulo utc-3 -03:00 brasilia"),
        ("UTC", "utc +00:00 gmt"),
    ],
)
def test_a_zone_is_found_by_what_people_call_it(name: str, words: str) -> None:
    (zone,) = [one for one in offered_zones() if one.name == name]
    said = f"{zone.text} {zone.words}".lower()
    assert all(word in said for word in words.split()), said


def test_names_are_in_the_readers_language() -> None:
    with translation.using("de"):
        zones = {one.name: one for one in offered_zones()}
    assert zones["Europe/Vienna"].text.startswith("Wien · Österreich · UTC+")
    assert "Austria" in zones["Europe/Vienna"].words, "and the English name finds it as well"


def test_cities_stand_where_people_look_for_them() -> None:
    with translation.using("de"):
        cities = [one.text.partition(" · ")[0] for one in offered_zones()]
    assert cities[0] == "UTC" and cities.index("Tunis") < cities.index("Ürümqi") < cities.index("Wien")


def test_only_real_zones_are_offered_and_the_one_that_is_chosen() -> None:
    names = [one.name for one in offered_zones()]
    assert names[0] == "UTC" and len(names) == len(set(names)) > 300
    assert not [name for name in names if name in ("Factory", "localtime", "GB-Eire") or name.startswith("Etc/")]
    assert "EST5EDT" in [one.name for one in offered_zones("EST5EDT")]
    assert [one.name for one in offered_zones("workspace")] == names
    assert all(one.text and "None" not in one.text for one in offered_zones())
