"""The engine as some lines of plain Python: one person, one step after the other, no database, no batches.

What the real one does to a random workflow must be what this does. Times are hours. A failing step is tried twice, an hour apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

Visit = tuple[str, int, str, str | None]
"""Node, which visit of the run to it, how the step ended, and the port it left by."""
MAX_VISITS = 4
"""Visits to one node after which a run is over: the engine is given the same in these tests."""


@dataclass
class Person:
    """A contact and the run it is in, if any. `history` has each run: how it ended, and its steps. `nobody`: a run without a contact."""

    attributes: dict[str, Any]
    tags: list[str] = field(default_factory=list)
    history: list[tuple[str, list[Visit]]] = field(default_factory=list)
    node: str | None = None
    due: int = 0
    attempt: int = 1
    vars: dict[str, Any] = field(default_factory=dict)
    leaving: bool = False
    """It is known to reach a goal, so it takes no step."""
    nobody: bool = False


class Reference:
    """Walks people through one graph document."""

    def __init__(self, graph: dict[str, Any]) -> None:
        self.nodes = {node["id"]: node for node in graph["nodes"]}
        self.ways = {(edge["source"], edge["sourceHandle"]): edge["target"] for edge in graph["edges"]}
        self.now = 0

    def enter(self, person: Person, event: dict[str, Any], *, goal_known: bool = False) -> None:
        """`go` happened: whoever is not inside begins. `goal_known`: `bought` has happened since, so no step is taken."""
        if person.node is None:
            person.history.append(("running", []))
            person.vars, person.leaving = {}, False
            first = self.ways.get(("trigger", "next"))
            if goal_known and first is not None:
                person.node, person.due, person.leaving = first, self.now, True
            else:
                self._walk(person, first, event)

    def reach_goal(self, person: Person) -> None:
        """`bought` happened: whoever is inside leaves as a success."""
        if person.node is not None:
            self._leave(person, person.node, "skipped", None, "goal_reached")

    def ping(self, person: Person, k: int, event: dict[str, Any]) -> None:
        """`ping` happened: whoever waits for one as large goes on."""
        node = self.nodes.get(person.node or "")
        if node is not None and node["type"] == "listen" and not person.leaving and k >= node["data"]["least"]:
            self._over(person, node["id"], "completed", "next")
            self._walk(person, self.ways.get((node["id"], "next")), event)

    def travel(self, person: Person, hours: int, event: dict[str, Any]) -> None:
        """Time passes, then everything that is due happens, until nothing is."""
        self.now = hours
        while person.node is not None and person.due <= hours:
            node = self.nodes[person.node]
            if node["type"] in ("delay", "listen"):
                port = "next" if node["type"] == "delay" else "timeout"
                self._over(person, node["id"], "completed", port)
                self._walk(person, self.ways.get((node["id"], port)), event)
            else:
                self._walk(person, person.node, event)

    def _walk(self, person: Person, at: str | None, event: dict[str, Any]) -> None:
        person.node = None
        while at is not None:
            node, attempt, person.attempt = self.nodes[at], person.attempt, 1
            kind, data, port = node["type"], node["data"], "next"
            if self._visits(person, at) == MAX_VISITS:
                self._leave(person, at, "failed", "error", "failed")
                return
            if kind in ("delay", "listen"):
                person.node, person.due = at, self.now + data["duration"]
                self._end(person, "waiting")
                return
            if kind == "trouble" and event["k"] == data["when"]:
                if attempt < node.get("retry", {}).get("attempts", 1):
                    person.node, person.due, person.attempt = at, self.now + 1, attempt + 1
                    self._end(person, "running")
                    return
                if (at, "error") not in self.ways:
                    self._leave(person, at, "failed", "error", "failed")
                    return
                self._over(person, at, "failed", "error")
                at = self.ways[at, "error"]
                continue
            if person.nobody and kind in ("update_contact", "add_tag", "remove_tag"):
                self._leave(person, at, "failed", "error", "failed")
                return
            if kind == "condition":
                rule = data["conditions"][0]
                values = person.vars if rule["field"] == "vars.v" else person.attributes
                port = "true" if values.get(rule["field"].split(".")[1], 0) > rule["value"] else "false"
            elif kind == "remember":
                person.vars = {**person.vars, "v": person.vars.get("v", 0) + data["by"]}
            elif kind == "update_contact":
                person.attributes |= data.get("set", {})
                for name, by in data.get("increment", {}).items():
                    person.attributes[name] = person.attributes.get(name, 0) + by
            elif kind == "add_tag" and data["tag"] not in person.tags:
                person.tags.append(data["tag"])
            elif kind == "remove_tag" and data["tag"] in person.tags:
                person.tags.remove(data["tag"])
            self._over(person, at, "completed", port)
            at = self.ways.get((at, port))
        self._end(person, "completed")

    def _steps(self, person: Person) -> list[Visit]:
        return person.history[-1][1]

    def _visits(self, person: Person, node: str) -> int:
        return sum(visited == node for visited, *_ in self._steps(person))

    def _over(self, person: Person, node: str, status: str, port: str | None) -> None:
        self._steps(person).append((node, self._visits(person, node) + 1, status, port))

    def _end(self, person: Person, status: str) -> None:
        person.history[-1] = (status, self._steps(person))

    def _leave(self, person: Person, node: str, step: str, port: str | None, run: str) -> None:
        self._over(person, node, step, port)
        person.node, person.attempt = None, 1
        self._end(person, run)


class Told(NamedTuple):
    """An event as it arrived. Times are seconds; `stated` is the sender's word, and nothing happens after it arrived."""

    name: str
    who: int
    stated: int
    arrived: float
    size: int = 0

    @property
    def occurred(self) -> float:
        return min(self.stated, self.arrived)


def visits(events: list[Told], *, again: bool) -> list[tuple[int, float, str]]:
    """(contact, occurrence, outcome) of each visit to a workflow that everybody waits in, entered by `cart`.

    An `order` of at least 2 and any `trial` end visits. `again`: several at once; else nobody comes in who is inside.
    """
    found: list[tuple[int, float, str]] = []
    inside: dict[int, list[float]] = {}
    for event in sorted(events, key=lambda event: (event.occurred, event.stated, event.arrived)):
        standing = inside.setdefault(event.who, [])
        if event.name == "trial" or (event.name == "order" and event.size >= 2):
            found += [(event.who, since, event.name) for since in standing]
            standing.clear()
        elif event.name == "cart" and (again or not standing):
            standing.append(event.occurred)
    found += [(who, since, "waiting") for who, standing in inside.items() for since in standing]
    return sorted(found)
