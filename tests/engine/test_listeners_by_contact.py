"""Listeners hang on values of the contact too, and are found when it is known."""

from __future__ import annotations

from typing import Any

from app.engine.listeners import Index
from tests.engine.test_listeners import SOMEBODY, person
from tests.fixtures.world import rule


def test_an_event_comes_to_the_few_that_its_contact_is_fit_for() -> None:
    """Attributes, columns, tags and bare names; the same number is looked at however many listen."""
    kinds: dict[str, tuple[tuple[str, Any], Any]] = {
        "contact.plan": (("equals", "plan-{}"), person(attributes={"plan": "PLAN-7"})),
        "contact.attributes.plan": (("in", ["plan-{}", "other-{}"]), person(attributes={"plan": "other-7"})),
        "plan": (("equals", "plan-{}"), person(attributes={"plan": "plan-7 "})),
        "attributes.plan": (("equals", "plan-{}"), person(attributes={"plan": "plan-7"})),
        "contact.source": (("equals", "shop-{}"), person(columns={"source": "Shop-7"})),
        "contact.tags": (("contains", "tag-{}"), person(tags=["x", "tag-7"])),
        "tags": (("contains_any", ["tag-{}", "label-{}"]), person(tags=["label-7"])),
        "contact.interests": (("contains_all", ["a", "tag-{}"]), person(attributes={"interests": ["tag-7", "a"]})),
    }
    for path, ((name, value), contact) in kinds.items():
        for count in (10, 1_000):
            index = Index(
                (n, [rule(path, name, [one.format(n) for one in value] if isinstance(value, list) else value.format(n))], "all")
                for n in range(count)
            )  # fmt: skip
            assert index.matching({"other": 1}, contact) == (7,), path
            assert index.matching({}, SOMEBODY) == index.of_event({}).listeners == (), path
    bare = Index((n, [rule("plan", "equals", f"plan-{n}")], "all") for n in range(10))
    assert bare.matching({"plan": "plan-3"}, person(attributes={"plan": "plan-7"})) == (3,), "the event comes first"
    mixed = Index([(1, [rule("contact.plan", "equals", "pro"), rule("event.sku", "equals", "A")], "all")])
    assert not mixed.by_contact and mixed.matching({"sku": "a"}, person()) == (1,), (
        "what the event answers is asked first"
    )


def test_a_contact_that_cannot_be_compared_comes_to_all_whose_condition_it_is() -> None:
    rules = [rule("contact.age", "greater_than", 3)]
    index = Index((n, [rule("event.sku", "equals", f"A-{n}"), *rules], "all") for n in range(100))
    assert index.matching({"sku": "A-1"}, person(attributes={"age": 2})) == (1,)
    assert index.matching({"sku": "A-1"}, person(attributes={"age": "old"})) == tuple(range(100))
    assert index.matching({"sku": "B-1"}, person(attributes={"age": " "})) == ()
