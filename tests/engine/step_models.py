"""What steps of some types come to, in lines of plain Python that share nothing with the product: no scope, no Liquid, no effects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.nodes.person import Person

OF_CONTACT = ("phone", "timezone", "locale", "source")
"""Fields of a contact that are no attributes."""


class Result(NamedTuple):
    """What a step came to. `kind`: done, wait, listen, fail, call, exit or succeed; `wishes`: what it wants done, in order."""

    kind: str
    port: str = "next"
    output: Any = None
    wishes: tuple[tuple[Any, ...], ...] = ()
    until: datetime | None = None
    event: str = ""
    judge: Any = None
    timeout: str = "timeout"
    permanent: bool = False


SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
"""Of one of each unit."""
_LONE = re.compile(r"\{\{ ([a-z]+)\.([\w.]+) \}\}")


def look_up(view: Person, root: str, path: str) -> Any:
    """`event.k`, `vars.v`, `contact.n`, `contact.attributes.n`, `contact.phone`, `steps.n1.total`."""
    if root == "contact" and path in (*OF_CONTACT, "email", "external_id"):
        return view.contact.columns.get(path)
    path = path.removeprefix("attributes.") if root == "contact" else path
    value: Any = {"event": view.event, "vars": view.vars, "contact": view.contact.attributes, "steps": view.steps}[root]
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def fill(value: Any, view: Person) -> Any:
    """Placeholders filled in: a text that is one alone keeps the kind of its value."""
    if isinstance(value, dict):
        return {name: fill(inner, view) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, view) for inner in value]
    if not isinstance(value, str):
        return value
    if lone := _LONE.fullmatch(value):
        return look_up(view, lone[1], lone[2])
    return _LONE.sub(lambda match: shown(look_up(view, match[1], match[2])), value)


def shown(value: Any) -> str:
    """As it stands in a text."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tag(data: dict[str, Any], view: Person, *, adds: bool) -> Result:
    tag = shown(fill(data["tag"], view)).strip()
    if not tag:
        return Result("fail", permanent=True)
    changed = (tag in view.contact.tags) != adds
    return Result("done", output={"tag": tag, "changed": changed}, wishes=(("tag" if adds else "untag", tag),))


def _update(data: dict[str, Any], view: Person) -> Result:
    attributes = dict(view.contact.attributes)
    values = fill(data.get("set", {}), view)
    for name, value in values.items():
        attributes[name] = value
    amounts = fill(data.get("increment", {}), view)
    for name, by in amounts.items():
        before = attributes.get(name)
        before = 0 if before is None else before
        if not is_number(before) or not is_number(by):
            return Result("fail", permanent=True)
        attributes[name] = before + by
    items: dict[str, Any] = {}
    for name, item in fill(data.get("append", {}), view).items():
        before = attributes.get(name)
        if before is not None and not isinstance(before, list):
            return Result("fail", permanent=True)
        more = item if isinstance(item, list) else [] if item is None or item == "" else [item]
        attributes[name] = items[name] = [*(before or []), *more]
    unset = data.get("unset", [])
    output = {"set": values, "increment": amounts, "append": items, "unset": unset}
    written = {name: attributes.get(name) for name in (*values, *amounts, *items)} | dict.fromkeys(unset)
    return Result("done", output={part: what for part, what in output.items() if what}, wishes=(("set", written),))


def _condition(data: dict[str, Any], view: Person) -> Result:
    (rule,) = data["conditions"]
    root, _, path = rule["field"].partition(".")
    actual = look_up(view, root, path)
    if actual is not None and actual != "" and not is_number(actual):
        return Result("fail", permanent=True)
    held = is_number(actual) and actual > rule["value"]
    found = {
        "field": rule["field"],
        "operator": "greater_than",
        "wanted": rule["value"],
        "actual": actual,
        "held": held,
    }
    port = "true" if held else "false"
    return Result("done", port, {"branch": port, "rules": [found]})


def _emit(data: dict[str, Any], view: Person) -> Result:
    name, properties = fill(data["name"], view), fill(data.get("properties", {}), view)
    wish = ("emit", name, properties, data.get("contact", "this") == "this")
    return Result("done", output={"name": name, "eventId": ...}, wishes=(wish,))


def _delay(data: dict[str, Any], view: Person) -> Result:
    return Result("wait", until=view.now + timedelta(seconds=data["duration"] * SECONDS[data["unit"]]))


MODELS: dict[str, Callable[[dict[str, Any], Person], Result]] = {
    "add_tag": lambda data, view: _tag(data, view, adds=True),
    "remove_tag": lambda data, view: _tag(data, view, adds=False),
    "update_contact": _update,
    "condition": _condition,
    "emit_event": _emit,
    "delay": _delay,
    "set_variable": lambda data, view: (lambda set_: Result("done", output=set_, wishes=(("vars", set_),)))(
        fill(data["set"], view)
    ),
    "transform": lambda data, view: Result("done", output=fill(data["set"], view)),
}
"""By the name of the type: what a step with this config comes to for somebody."""
