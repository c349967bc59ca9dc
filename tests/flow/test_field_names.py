"""What fields are called: one answer for every page, in the reader's language."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.builder import field_catalog
from app.builder.field_catalog import Met, contact_entries, property_entries, trigger_entries
from app.flow import phrases, step_cards
from app.flow.document import Flow
from app.flow.field_names import field_name, steps_called
from app.flow.field_reads import KnownNames
from app.flow.lint.warnings import lint_warnings
from app.flow.sample_texts import SampleContact, SampleStep, fill_in
from app.lib import translation

PATHS = {
    "created_at": "created at",
    "contact.created_at": "created at",
    "createdAt": "created at",
    "contact.attributes.plan": "plan",
    "contact.plan": "plan",
    "attributes.address.city": "address › city",
    "contact.tags": "tags",
    "tags": "tags",
    "consent.email.news": "consent to email › news",
    "contact.consent.news": "consent to news",
    "event.items[0].sku": "event items › 0 › sku",
    "vars.total": "total",
    "steps.ask.body.tier": "“Ask the shop” › body › tier",
    "steps.mail.hasOpened": "“mail” › opened",
    "contact.external_id": "external id",
}


@pytest.mark.parametrize(("path", "name"), PATHS.items())
def test_a_field_has_a_name(path: str, name: str) -> None:
    with steps_called({"ask": "Ask the shop"}):
        assert field_name(path) == name
    assert "“ask” ›" in field_name("steps.ask.body"), "where nobody says the titles, the ids"


def test_names_are_in_the_readers_language() -> None:
    with translation.using("de"), steps_called({"ask": "Laden fragen"}):
        assert field_name("contact.created_at") == "angelegt am"
        assert field_name("steps.ask.body.tier") == "„Laden fragen“ › body › tier"
        assert field_name("consent.news") == "Einwilligung in news"


def _asking(field: str) -> dict[str, Any]:
    conditions = [{"field": field, "operator": "equals", "value": "gold"}]
    return {
        "nodes": [
            {"id": "ask", "type": "http_request", "name": "Ask the shop", "data": {"url": "https://a.example"}},
            {"id": "tier", "type": "condition", "data": {"match": "all", "conditions": conditions}},
        ],
        "edges": [],
    }


def test_cards_decisions_and_warnings_say_the_title_of_the_step() -> None:
    document = _asking("steps.ask.body.tier")
    card = step_cards.card(document["nodes"][1], {"ask": "Ask the shop", "tier": "Tier"})
    assert card["summary"] == "If “Ask the shop” › body › tier is gold"
    assert card["named"] == {"ask": "Ask the shop"}, "so that it is drawn anew when the step is renamed"
    rules = [{"field": "steps.ask.body.tier", "operator": "equals", "wanted": "gold", "actual": "tin", "held": False}]
    with steps_called({"ask": "Ask the shop"}):
        assert phrases.decision_in_words(rules)[0].label == "“Ask the shop” › body › tier"


def test_what_contacts_have_is_offered() -> None:
    met = Met(
        attributes={"address": [{"city": "Rome", "geo": {"zip": "1"}}, {"city": "Bonn"}], "odd": [{"a b": 1}], "many": [["x"]]},
        tags=field_catalog.Counter({"vip": 3}),
        consents={"email", "news"},
        contacts=2,
    )  # fmt: skip
    entries = {(one.row, one.value): one for one in contact_entries(met)}
    assert entries["", "contact.attributes.address.city"].label == "address › city"
    assert entries["", "contact.attributes.address.geo.zip"].kind in ("", "text")
    assert ("", "contact.attributes.address") not in entries and ("", "contact.attributes.odd") in entries
    assert entries["", "contact.attributes.many"].kind == "list"
    assert entries["row-tag", "vip"].label == "has the tag “vip”" and entries["", "contact.tags"].kind == "list"
    assert entries["", "consent.news"].kind == "boolean" and ("", "contact.id") in entries


def test_what_events_hold_is_offered_by_its_leaves() -> None:
    met = Met(events={"order.paid": {"customer": [{"tier": "gold"}, None], "total": [3, 4]}})
    entries = {one.value: one for one in property_entries(met)}
    assert entries.keys() == {"event.customer.tier", "event.total"}
    assert entries["event.customer.tier"].events == ["order.paid"]


@pytest.mark.parametrize(
    ("type_", "data", "names"),
    [
        (
            "manual",
            {"input": {"type": "object", "properties": {"amount": {"type": "number"}}}},
            {"event.amount": "number"},
        ),
        ("webhook", {"identity": {"email": "$.mail"}, "properties": {"sku": "$.sku"}}, {"event.sku": ""}),
        ("schedule", {"cron": "0 9 * * *"}, {"event.scheduledAt": "date"}),
    ],
)
def test_what_a_trigger_brings_is_offered_before_it_came(
    type_: str, data: dict[str, Any], names: dict[str, str]
) -> None:
    document = {"nodes": [], "edges": [], "triggers": [{"id": "t", "type": type_, "data": data}]}
    assert {one.value: one.kind for one in trigger_entries(document)} == names
    assert trigger_entries(document, set(names)) == []


def test_texts_can_say_tags_and_consent() -> None:
    sample = SampleStep(SampleContact(tags=["vip", "new"], consent={"news": True}), {})
    texts = ["{{ contact.tags }}", "{% if contact.consent.news %}Subscribed{% endif %}", "{{ contact.consent.news }}"]
    assert [one.text for one in fill_in(texts, sample)] == ["vip, new", "Subscribed", "true"]


def test_a_contradiction_names_the_step() -> None:
    document = _asking("steps.ask.body.tier")
    document["nodes"][1]["data"]["conditions"].append(
        {"field": "steps.ask.body.tier", "operator": "equals", "value": "tin"}
    )
    flow = msgspec.convert({**document, "trigger": {"type": "event", "event": "cart.left"}}, Flow)
    messages = [one.message for one in lint_warnings(flow, {}, KnownNames())]
    assert any("Nobody’s “Ask the shop” › body › tier is both gold and tin" in one for one in messages)
