"""Random configs of the steps of random workflows, of every type: they read and write what others do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from app.flow import presentation
from tests.engine.leading_models import CALLED_FOR_HOURS
from tests.engine.timed_models import SENDING_TYPES, WAITING_TYPES
from tests.fixtures.world import flow, node, rule

values = st.sampled_from(
    [0, 1, 2.5, "x", True, None, ["a"], "{{ event.k }}", "{{ vars.v }}", "{{ contact.n }}", "k{{ event.k }}-{{ vars.v }}",
     {"deep": ["{{ event.k }}", 1]}, "{{ event.list }}"]
)  # fmt: skip
numbers = st.sampled_from([1, -2, 0.5, "{{ event.k }}", "{{ vars.v }}"])
hours = st.integers(1, 3)


CALLEES = {"01900000-0000-7000-8000-0000000000ca": "any", "01900000-0000-7000-8000-0000000000cb": "contact"}
"""The workflows that steps call, and whom they take."""
IDS = [f"01930000-0000-7000-8000-00000000000{number}" for number in (1, 2)]
"""Of templates, connectors and segments; of these only the segments exist."""


def called(rule: str) -> dict[str, Any]:
    """A workflow that takes an hour and hands back what it was given."""
    steps = [
        node("w", "delay", duration=CALLED_FOR_HOURS, unit="hours"),
        node("e", "end", output={"k": "{{ event.k }}"}),
    ]
    trigger = {"data": {"contact": "optional" if rule == "any" else "required"}}
    return flow(None, steps, ("trigger", "w"), ("w", "e"), trigger=trigger, settings={"reentry": "always"})


def _branches() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    rules = st.lists(
        st.builds(
            rule,
            st.sampled_from(["contact.n", "vars.v", "event.k", "contact.attributes.p"]),
            st.sampled_from(["greater_than", "greater_or_equal", "equals"]),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=3,
    )
    cases = st.lists(
        st.fixed_dictionaries(
            {
                "conditions": rules,
                "match": st.sampled_from(["all", "any", "none"]),
                "label": st.sampled_from(["", "Same"]),
            }
        ),
        min_size=1,
        max_size=3,
    ).map(lambda some: {"cases": [{"id": f"c{number}", **one} for number, one in enumerate(some)]})
    by_value = st.tuples(
        st.sampled_from(["{{ event.k }}", "{{ vars.v }}", "{{ contact.n }}", "k{{ event.k }}", "{{ contact.timezone }}"]),
        st.lists(st.sampled_from([0, 1, 2.5, "1.0", " X ", True, "no", "{{ event.k }}", "K1", "europe/berlin"]), min_size=1, max_size=3),
    ).map(
        lambda one: {
            "value": one[0],
            "cases": [{"id": f"c{number}", "equals": wanted} for number, wanted in enumerate(one[1])],
        }
    )  # fmt: skip
    variants = st.lists(st.sampled_from([1, 0.3, 45, 1_000]), min_size=2, max_size=4).map(
        lambda weights: [{"id": f"v{number}", "weight": weight} for number, weight in enumerate(weights)]
    )
    return {
        "switch": cases | by_value,
        "split": st.fixed_dictionaries(
            {"variants": variants, "holdout": st.sampled_from([None, "v0"]), "salt": st.sampled_from(["", "together"])}
        ),
        "end": st.fixed_dictionaries(
            {
                "outcome": st.sampled_from(["", " Bought ", "k{{ event.k }}"]),
                "output": st.dictionaries(st.just("o"), values),
            }
        ),
        "goal": st.fixed_dictionaries({"name": st.sampled_from(["Purchased", " Opened "]), "ends": st.booleans()}),
    }


def _clocks() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    zones = st.sampled_from(
        ["contact", "contact", "workspace", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland"]
    )
    offsets = st.fixed_dictionaries(
        {
            "duration": st.sampled_from([0, 1, 2]),
            "unit": st.sampled_from(["hours", "days", "weeks"]),
            "direction": st.sampled_from(["before", "after"]),
        }
    )
    times = st.sampled_from(["00:00", "02:30", "09:00", "18:00", "23:00"])
    holidays = [f"{date(2026, 6, 1) + timedelta(days=number)}" for number in range(0, 360, 3)]
    past = st.sampled_from(["continue", "port"])
    return {
        "wait_until": st.fixed_dictionaries(
            {"at": st.sampled_from(["{{ event.at }}", "{{ event.at }}Z", "{{ vars.v }}", "2026-07-01"]), "zone": zones, "past": past}
        )
        | st.fixed_dictionaries(
            {
                "field": st.sampled_from(["event.at", "contact.p", "contact.attributes.p", "event.k"]),
                "zone": zones,
                "past": past,
            },
            optional={"at": times, "offset": offsets},
        ),
        "time_window": st.fixed_dictionaries(
            {
                "from": times,
                "to": times,
                "weekdays": st.lists(st.sampled_from(["mon", "wed", "sat", "sun"]), max_size=3),
                "holidays": st.sampled_from([[], holidays]),
                "zone": zones,
            }
        ),
    }  # fmt: skip


def _outward() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    spans = st.fixed_dictionaries({"duration": hours, "unit": st.just("hours")})
    rules = [
        [],
        [rule("event.k", "greater_or_equal", 1)],
        [rule("event.k", "equals", 1), rule("vars.v", "greater_than", 0)],
    ]
    messages = {
        "templateId": st.sampled_from(IDS),
        "topic": st.sampled_from(["", "orders", "orders-{{ event.k }}", "{{ event.list }}"]),
        "class": st.sampled_from(["marketing", "transactional"]),
        "goOn": st.sampled_from(["queued", "sent"]),
    }
    phones = st.fixed_dictionaries({**messages, "connectorId": st.sampled_from([None, *IDS])})
    return {
        "wait_for_event": st.fixed_dictionaries(
            {
                "event": st.sampled_from(["ping", "ping", "other"]),
                "timeout": spans,
                "conditions": st.sampled_from(rules),
                "match": st.sampled_from(["all", "any"]),
            }
        ),
        "hold": st.fixed_dictionaries(
            {
                "question": st.sampled_from(["Go on?", "{{ event.k }}", "Is it {{ vars.v }}, {{ event.list }}?"]),
                "choices": st.just([{"id": "approve", "label": "Yes"}, {"id": "b", "label": "No"}]),
            },
            optional={"timeout": spans},
        ),
        "add_to_segment": st.sampled_from(IDS).map(lambda one: {"segmentId": one}),
        "remove_from_segment": st.sampled_from(IDS).map(lambda one: {"segmentId": one}),
        "send_sms": phones,
        "send_whatsapp": phones,
        "send_push": st.tuples(phones, st.sampled_from([[], ["ios", "web"]])).map(lambda one: {**one[0], "platforms": one[1]}),
        "send_email": st.fixed_dictionaries(
            {
                **messages,
                "subject": st.sampled_from(["", "About {{ event.k }}"]),
                "fromName": st.sampled_from(["", "Shop {{ event.k }}"]),
                "fromEmail": st.sampled_from(["", "shop@example.com", "s{{ event.k }}@example.com", "{{ event.k }}"]),
                "replyTo": st.sampled_from(["", "{{ contact.email }}"]),
            }
        ),
        "http_request": st.sampled_from(
            ["https://api.example.com/orders", "https://api.example.com/{{ event.k }}", "{{ event.k }}"]
        ).map(lambda url: {"method": "POST", "url": url, "body": {"type": "json", "value": {"k": "{{ event.k }}"}}}),
        "slack": st.sampled_from(["Sold", "{{ event.k }}", "{{ event.none }}"]).map(lambda text: {"connectorId": IDS[0], "text": text}),
    }  # fmt: skip


def configs(kind: str, steps: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Configs of a type. Names overlap, so that steps read and write what others do; `steps`: ids of those that there are."""
    some = st.sampled_from(steps)
    names = st.sampled_from(["n", "p", "l"])
    known: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "condition": st.fixed_dictionaries({"conditions": st.tuples(
            st.sampled_from(["contact.n", "vars.v", "event.k", "steps.n0.total"]), st.integers(0, 2)
        ).map(lambda one: [rule(one[0], "greater_than", one[1])])}),
        "update_contact": st.one_of(
            st.fixed_dictionaries({"set": st.dictionaries(names, values, min_size=1, max_size=2)}),
            st.fixed_dictionaries({"increment": st.dictionaries(names, numbers, min_size=1, max_size=2)}),
            st.fixed_dictionaries({"append": st.dictionaries(st.just("l"), values, min_size=1)}),
            st.just({"set": {"p": "{{ event.k }}"}, "increment": {"n": 1}, "append": {"l": "{{ event.k }}"}}),
            st.just({"unset": ["n", "phone"], "set": {"source": "s{{ event.k }}"}}),
            st.sampled_from(["Europe/Berlin", "America/St_Johns"]).map(lambda zone: {"set": {"timezone": zone}}),
            st.sampled_from(["{{ event.at }}", "2026-07-01", "2090-01-31T10:00:00+02:00"]).map(lambda at: {"set": {"p": at}}),
        ),
        "add_tag": st.fixed_dictionaries({"tag": st.sampled_from(["a", "b", "t{{ event.k }}", "{{ vars.v }}"])}),
        "remove_tag": st.fixed_dictionaries({"tag": st.sampled_from(["a", "b", "t{{ event.k }}"])}),
        "emit_event": st.fixed_dictionaries({
            "name": st.sampled_from(["ping", "other", "other-{{ event.k }}"]),
            "properties": st.fixed_dictionaries({"k": st.sampled_from([0, 2, "{{ event.k }}"]), "v": values}),
            "contact": st.sampled_from(["this", "none"]),
        }),
        "set_variable": st.fixed_dictionaries({"set": st.dictionaries(st.sampled_from(["v", "w"]), values, min_size=1)}),
        "transform": st.fixed_dictionaries({"set": st.fixed_dictionaries({"total": values, "other": values})}),
        "delay": st.fixed_dictionaries({"duration": hours, "unit": st.just("hours")}),
        "loop": st.fixed_dictionaries({
            "items": st.sampled_from(["{{ event.list }}", [1, 2], [], "{{ contact.l }}", "{{ vars.v }}", "{{ event.k }}"]),
            "as": st.sampled_from(["v", "item"]), "maxIterations": st.sampled_from([1, 3]),
        }),
        "goto": st.fixed_dictionaries({"target": some, "maxVisits": st.integers(1, 2)}),
        "fallback": st.fixed_dictionaries({"alternatives": st.lists(some | st.just(""), max_size=3)}),
        "error_handler": st.fixed_dictionaries({"scope": st.just("all") | st.lists(some, min_size=1, max_size=2)}),
        "sub_workflow": st.fixed_dictionaries({
            "workflowId": st.sampled_from(sorted(CALLEES)), "mode": st.sampled_from(["wait", "start"]),
            "audience": st.sampled_from(["contact", "company"]),
            "input": st.fixed_dictionaries({"k": st.sampled_from([1, "{{ event.k }}", "{{ vars.v }}", "{{ event.list }}"])}),
        }),
        **_branches(),
        **_clocks(),
        **_outward(),
        "listen": st.fixed_dictionaries({"least": st.integers(0, 2), "duration": hours}),
        "trouble": st.fixed_dictionaries({"when": st.integers(0, 1)}),
    }  # fmt: skip
    return (
        known[kind]
        if kind in known
        else st.just(json.loads((presentation.folder_on_disk(kind) / "example.json").read_text()))
    )


def timeouts(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """The `timeout` of a step that waits for somebody else, or of a loop, now and then: never as long as a wait, or as a round."""
    if kind != "loop" and kind not in (*WAITING_TYPES, *SENDING_TYPES):
        return st.just({})
    some = [1_801, 5_403, 9_007] if kind == "loop" else [1_811, 5_417]
    return st.sampled_from([{}, {}, *({"timeout": one} for one in some)])
