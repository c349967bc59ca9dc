"""The rule of a segment in the browser: every rule comes back as it was, and a nested one is written by mouse and by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.product import PLAIN, Product
from tests.fixtures.rule_forms import RandomRules, normal, shown

RULES = 120
_READ = """async (html) => {
  document.body.innerHTML = html;
  const { arrange, read, written } = await import('/static/canvas/forms.js');
  return [...document.querySelectorAll('form')].map((form) => {
    arrange(form);
    const kept = written(read(form.querySelector('[data-rule]')));
    for (const row of form.querySelectorAll('[data-stored]')) row.removeAttribute('data-stored');
    return [kept, written(read(form.querySelector('[data-rule]')))];
  });
}"""


def test_every_rule_is_shown_and_comes_back_as_it_was(page: Page, product: Product) -> None:
    rules = RandomRules(2026).some(RULES)
    page.goto("/segments")
    answers = page.evaluate(_READ, shown(rules))
    assert len(answers) == len(rules)
    changed = [
        (rule, kept) for rule, (kept, _) in zip(rules, answers, strict=True) if normal(json.loads(kept)) != normal(rule)
    ]
    assert changed == []
    leaves = [sum(1 for _ in _leaves(json.loads(controls))) for _, controls in answers]
    assert leaves == [sum(1 for _ in _leaves(rule)) for rule in rules], "the controls show each condition"


def test_usual_rules_are_what_the_controls_say(page: Page, product: Product) -> None:
    rules = [{"match": "all", "conditions": [one]} for one in USUAL]
    page.goto("/segments")
    answers = page.evaluate(_READ, shown(rules))
    assert [normal(json.loads(controls)) for _, controls in answers] == [normal(rule) for rule in rules]


USUAL: list[dict[str, Any]] = [
    {"field": "contact.plan", "operator": "equals", "value": "pro"},
    {"field": "contact.plan", "operator": "in", "value": ["pro", "a, b", "7", 7, True]},
    {"field": "contact.age", "operator": "between", "value": [1, 9.5]},
    {"field": "consent.email", "operator": "is_true"},
    {"field": "contact.created_at", "operator": "within_last", "value": {"duration": 30, "unit": "days"}},
    {"field": "contact.created_at", "operator": "before", "value": "2026-03-01T09:30"},
    {"event": "order.paid", "did": True, "occurrence": "any"},
    {"event": "order.paid", "did": False, "within": {"duration": 30, "unit": "days"}},
    {
        "event": "order.paid",
        "count": {"operator": "exactly", "value": 3},
        "within": {"duration": 90, "unit": "seconds"},
    },
    {"event": "order.paid", "occurrence": "first", "within": {"duration": 2, "unit": "weeks"}, "did": False},
    {
        "event": "order.paid",
        "match": "any",
        "conditions": [
            {"field": "event.amount", "operator": "greater_than", "value": 100},
            {"match": "none", "conditions": [{"field": "event.coupon", "operator": "exists"}]},
        ],
    },
    {"workflow": "0193a1b2-7c3d-7e4f-9a5b-000000000001", "state": "never"},
    {
        "field": "segment",
        "operator": "not_in",
        "value": ["0193a1b2-7c3d-7e4f-8a5b-000000000001", "0193a1b2-7c3d-7e4f-8a5b-000000000002"],
    },
]


def _leaves(rule: Any) -> Any:
    if isinstance(rule, dict):
        if "event" in rule or "workflow" in rule or ("operator" in rule and "field" in rule):
            yield rule
        for value in rule.values():
            yield from _leaves(value)
    elif isinstance(rule, list):
        for one in rule:
            yield from _leaves(one)


@pytest.fixture
def people(product: Product) -> str:
    """A key, and four contacts of two plans in the workspace, one of whom has paid twice."""
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for number, plan in enumerate(("galaxy", "galaxy", "galaxy", "comet")):
        contact = {"email": f"editor{number}@rules.example", "attributes": {"orbit": plan}, "tags": ["from-rules"]}
        httpx.post(f"{product.url}/api/v1/contacts", json=contact, headers=headers, **PLAIN)
    for _ in range(2):
        event = {"name": "rocket.launched", "email": "editor0@rules.example", "properties": {"stages": 3}}
        assert httpx.post(f"{product.url}/api/v1/events", json=event, headers=headers, **PLAIN).status_code in (
            200,
            201,
            202,
        )
    return product.api_key("admin")


def _stored(product: Product, key: str, name: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{product.url}/api/v1/segments", params={"search": name}, headers={"Authorization": f"Bearer {key}"}, **PLAIN
    )
    (segment,) = answer.json()["data"]
    return dict(segment)


def _pick(page: Page, row: Locator, words: str, option: str) -> None:
    row.get_by_role("textbox", name="Field").or_(row.get_by_role("combobox", name="Field")).first.click()
    page.keyboard.type(words)
    page.locator("#field-picker").get_by_role("option", name=option).first.click()


def test_a_nested_rule_by_mouse(
    page: Page, product: Product, people: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    page.goto("/segments/new")
    page.get_by_label("Name").fill("Launchers in orbit")
    tree = page.locator("[data-rule]")
    add = tree.locator(".conditions > .adds")
    add.get_by_role("button", name="Condition").click()
    first = tree.locator(".cond").first
    _pick(page, first, "orbit", "orbit")
    first.get_by_label("Value").click()
    page.locator("#field-picker").get_by_role("option", name="galaxy").click()
    expect(page.locator("#live .big")).to_have_text("3")
    expect(first.locator(".alone")).to_have_text("matches 3")
    add.get_by_role("button", name="Group").click()
    group = tree.locator(".group")
    _pick(page, group.locator(".cond").first, "rocket", "rocket.launched")
    expect(group.locator(".did")).to_have_count(1)
    group.get_by_label("How often").select_option("at_least")
    group.get_by_role("button", name="Condition", exact=True).last.click()
    _pick(page, group.locator(":scope > .rows > [data-list] > .cond").last, "tags", "tags")
    group.get_by_label("Value").last.fill("nobody-has-it")
    group.get_by_label("Value").last.press("Escape")
    expect(page.locator("#sentence")).to_have_text(
        "orbit is galaxy and (did rocket.launched at least 2 times or tags contains nobody-has-it)"
    )
    expect(page.locator("#live .big")).to_have_text("1")
    expect(page.locator("#live .some-of")).to_contain_text("editor0@rules.example")
    grip, last = first.locator("[data-grip]").bounding_box(), group.locator(".cond").last.bounding_box()
    assert grip is not None and last is not None
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(last["x"] + 60, last["y"] + last["height"] - 4, steps=6)
    page.mouse.up()
    expect(page.locator("#sentence")).to_have_text(
        "did rocket.launched at least 2 times or tags contains nobody-has-it or orbit is galaxy"
    )
    group.locator(".cond").last.get_by_role("button", name="Duplicate this condition").click()
    expect(page.locator("#live")).to_contain_text("This condition stands here twice.")
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(page.locator("#sentence")).to_contain_text("orbit is galaxy and (did rocket.launched")
    expect(tree.locator(".alone")).to_have_text(["matches 3", "matches 1", "matches 1", "matches nobody"])
    expect_accessible(page)
    shot(page, "segment-rule")
    first.get_by_role("button", name="Remove this condition").click()
    expect(page.locator("#undo-line")).to_contain_text("The condition was removed.")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Create segment").click()
    expect(page).to_have_url(re.compile(r"/segments/[0-9a-f-]{36}$"))
    expect(page.locator(".segr .big")).to_have_text("1")
    assert _stored(product, people, "Launchers in orbit")["rule"] == {
        "conditions": [
            {"field": "contact.attributes.orbit", "operator": "equals", "value": "galaxy"},
            {
                "match": "any",
                "conditions": [
                    {
                        "event": "rocket.launched",
                        "did": True,
                        "occurrence": "any",
                        "count": {"operator": "at_least", "value": 2},
                        "match": "all",
                        "conditions": [],
                    },
                    {"field": "contact.tags", "operator": "contains", "value": "nobody-has-it"},
                ],
            },
        ],
        "match": "all",
    }


def test_a_nested_rule_by_keyboard(page: Page, product: Product, people: str) -> None:
    page.goto("/segments/new")
    page.get_by_label("Name").focus()
    page.keyboard.type("Comets by hand")
    add = page.locator("[data-rule] .conditions > .adds")
    add.get_by_role("button", name="Condition").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("orbit")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("comet")
    page.keyboard.press("Escape")
    add.get_by_role("button", name="Group").focus()
    page.keyboard.press("Enter")
    row = page.locator(".group .cond").first
    row.get_by_label("Field").focus()
    page.keyboard.type("contact.tags")
    page.keyboard.press("Escape")
    row.get_by_label("Value").focus()
    page.keyboard.type("from-rules")
    page.keyboard.press("Escape")
    grip = page.locator("[data-rule] .cond [data-grip]").first
    grip.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#undo-line")).to_contain_text("Moved to place 1 of 2 in a group.")
    expect(page.locator("#sentence")).to_have_text("orbit is comet or tags contains from-rules")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#undo-line")).to_contain_text("Moved to place 1 of 2.")
    expect(page.locator("#sentence")).to_have_text("orbit is comet and tags contains from-rules")
    page.get_by_label("Name").press("Enter")
    expect(page).to_have_url(re.compile(r"/segments/[0-9a-f-]{36}$"))
    assert _stored(product, people, "Comets by hand")["sentence"] == "orbit is comet and tags contains from-rules"
