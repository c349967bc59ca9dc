"""What steps come to that choose a way or end a run, in lines of plain Python that share nothing with the product."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from typing import Any

from tests.engine.step_models import Result, fill, is_number, look_up, shown
from tests.nodes.person import Person

WORDS = {True: ("true", "yes", "on", "1"), False: ("false", "no", "off", "0")}
"""Texts and numbers that stand for yes and for no."""
LETTERS = "ABCDEFGHIJ"
DRAWN_BITS = 53
"""The leading bits of the hash that a draw goes by."""


def equal(left: Any, right: Any) -> bool:
    """Texts are compared without case and blanks around them, values of different kinds as the one is read that says less."""
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        yes_or_no = [word for one in (left, right) for word, texts in WORDS.items() if _plain(one) in texts]
        return len(yes_or_no) == 2 and yes_or_no[0] is yes_or_no[1]
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        if isinstance(left, list) and isinstance(right, list):
            return len(left) == len(right) and all(map(equal, left, right))
        if isinstance(left, dict) and isinstance(right, dict):
            return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
        return False
    try:
        return not isinstance(left, str | int | float) or Fraction(_plain(left)) == Fraction(_plain(right))
    except ValueError:
        return _plain(left) == _plain(right)


def _plain(value: Any) -> str:
    return "" if isinstance(value, list | dict) else shown(value).strip().lower()


def brief(value: Any) -> Any:
    """What a decision keeps of a value: 120 characters."""
    text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | dict) else ""
    return value if len(text) <= 120 else text[:120] + "…"


def judged(rules: list[dict[str, Any]], match: str, view: Person) -> tuple[bool | None, list[dict[str, Any]]]:
    """Do rules hold (None: nobody can say), and what is kept of each."""
    answers, kept_of_rules = [], []
    for rule in rules:
        root, _, path = rule["field"].partition(".")
        actual, wanted = look_up(view, root, path), rule["value"]
        answer: bool | None
        if rule["operator"] == "equals":
            answer = equal(actual, wanted)
        elif actual is None or actual == "":
            answer = False
        elif not is_number(actual):
            answer = None
        else:
            answer = actual > wanted if rule["operator"] == "greater_than" else actual >= wanted
        answers.append(answer)
        head = {"field": rule["field"], "operator": rule["operator"], "wanted": wanted, "actual": brief(actual)}
        kept_of_rules.append({**head, "held": answer is True, **({"unknown": ...} if answer is None else {})})
    deciding = match != "all"
    if deciding in answers:
        joined: bool | None = deciding
    else:
        joined = None if None in answers else not deciding
    return joined if joined is None or match != "none" else not joined, kept_of_rules


def switch(data: dict[str, Any], view: Person) -> Result:
    rules: list[dict[str, Any]] = []
    labels = ["Default"]
    for number, case in enumerate(data["cases"], 1):
        if "value" in data:
            actual, wanted = fill(data["value"], view), fill(case["equals"], view)
            held = equal(actual, wanted)
            field = shown(data["value"]).strip("{} ")
            rules.append(
                {"field": field, "operator": "equals", "wanted": brief(wanted), "actual": brief(actual), "held": held}
            )
        else:
            label = case.get("label") or f"Case {number}"
            labels.append(label + f" ({number})" * (label in labels))
            match = case.get("match", "all")
            answer, kept_of_rules = judged(case["conditions"], match, view)
            if answer is None:
                return Result("fail", permanent=True)
            held = answer
            rules.append({"label": labels[-1], "match": match, "held": held, "rules": kept_of_rules})
        if held:
            return Result("done", case["id"], {"case": case["id"], "rules": rules})
    return Result("done", "default", {"case": "default", "rules": rules})


def split(node: dict[str, Any], view: Person) -> Result:
    """By a hash of the salt, or of the step, and the contact; who had a variant of it keeps that."""
    data = node["data"]
    variants = {one["id"]: Fraction(one.get("weight", 1)) for one in data["variants"]}
    variant, assigned = view.assigned.get(node["id"]), "before"
    if variant not in variants:
        salt = data.get("salt", "").encode() or view.workflow_id + node["id"].encode()
        digest = hashlib.blake2b(salt + bytes(1) + view.contact.id, digest_size=8).hexdigest()
        drawn = Fraction(int(digest, 16) >> (64 - DRAWN_BITS), 2**DRAWN_BITS) * sum(variants.values())
        assigned = "now"
        for name, weight in variants.items():
            variant = name
            if drawn < weight:
                break
            drawn -= weight
    output = {"variant": variant, "assigned": assigned}
    if variant == data.get("holdout"):
        output["holdout"] = True  # type: ignore[assignment]
    return Result("done", str(variant), output, (("assign", variant),) if assigned == "now" else ())


def end(data: dict[str, Any], view: Person) -> Result:
    whole: dict[str, Any] = {}
    if data.get("outcome", "").strip():
        whole["outcome"] = fill(data["outcome"].strip(), view)
    if data.get("output"):
        whole["output"] = fill(data["output"], view)
    return Result("done", output=whole or None)


def goal(data: dict[str, Any], _view: Person) -> Result:
    return Result("succeed" if data.get("ends", True) else "done", output={"goal": data["name"].strip()})
