"""Pages as rules see them: what their elements ask the server for, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.architecture.source import Tree

FOLDERS = ("app/templates", "frontend-nodes")
TYPED = {"input", "change", "keyup", "keydown", "keypress", "search"}
"""Events that come again while the answer to the one before is on its way."""
_TRIGGER = re.compile(r"""hx-trigger["']?\s*[=:]\s*(?:"([^"]*)"|'([^']*)')""")
_CALL = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<[a-z](?:\{\{.*?\}\}|\{%.*?%\}|\"[^\"]*\"|[^>\"])*>", re.DOTALL)
_FIELD = re.compile(
    r"^<(?:input|select|textarea)\b|\bui\.(?:search|chooser|select|select_of|field|textarea|checkbox|radio)\("
)
"""What asks on `change` when it names no trigger."""
_ASKS = re.compile(r"hx-(?:get|post|put|patch|delete)\b")
_SET = re.compile(r"\{%-?\s*set\s+(\w+)\s*=(.*?)-?%\}", re.DOTALL)


def unsynchronised(tree: Tree) -> list[str]:
    """Requests that go out as somebody types or chooses, and do not say (`hx-sync`) what becomes of those before them.

    htmx keeps the first of the events that come meanwhile and drops the later ones: what was typed last is not asked for.
    """
    wrong = []
    for path in tree.files(".html", *FOLDERS):
        text = path.read_text()
        attributes = dict(_SET.findall(text))
        wrong += [
            f"{path.relative_to(tree.root)}:{line} asks on {', '.join(events)} without hx-sync"
            for line, place in _places(text)
            if (events := _typed(whole := _spelled_out(place, attributes))) and "hx-sync" not in whole
        ]
    return wrong


def _places(text: str) -> Iterator[tuple[int, str]]:
    """Each tag and each call of a macro, with its line. What a tag calls (`ui.search(…)`) is a place of its own."""
    without_comments = re.sub(r"\{#.*?#\}", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.DOTALL)
    for pattern in (_TAG, _CALL):
        for place in pattern.finditer(without_comments):
            yield without_comments.count("\n", 0, place.start()) + 1, place[0]


def _spelled_out(place: str, attributes: dict[str, str], depth: int = 3) -> str:
    """The place, with the sets of attributes that it names, and those that they name. What it calls counts for itself."""
    whole = _CALL.sub(lambda call: call[0] if "xmlattr" in call[0] else "", place) if place.startswith("<") else place
    for _ in range(depth):
        whole += "".join(
            text
            for name, text in attributes.items()
            if text not in whole and re.search(rf"(?<![\w\"'.-]){name}\b(?!\s*=)", whole)
        )
    return whole


def _typed(place: str) -> list[str]:
    """The events of typing at which this place asks."""
    if not _ASKS.search(place):
        return []
    triggers = ["".join(quoted) for quoted in _TRIGGER.findall(place)] or ["change"] * bool(_FIELD.search(place))
    events = [one.split()[0].partition("[")[0] for trigger in triggers for one in trigger.split(",") if one.strip()]
    return [event for event in events if event in TYPED]
