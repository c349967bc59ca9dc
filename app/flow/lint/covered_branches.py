"""Branches to which nobody comes because one before them takes everybody. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from app.flow.contradictions import FieldTest, covers
from app.flow.diagnostic import Diagnostic, Fix, warning
from app.flow.document import Flow
from app.flow.lint.odd_conditions import tests_of
from app.flow.node_type import BranchConditions, port_label
from app.flow.ways import typed_nodes
from app.lib.translation import gettext


def covered_branches(flow: Flow) -> Iterator[Diagnostic]:
    """Of steps whose first branch that fits is taken: one that asks for the same as an earlier one, or for less than it."""
    numbers = {node.id: index for index, node in enumerate(flow.nodes)}
    for one in typed_nodes(flow):
        labels = one.kind.ports(one.config)
        earlier: list[BranchConditions] = []
        for branch in one.kind.branch_conditions(one.config):
            if branch.negated:
                continue
            wider = next((other for other in earlier if _takes_all(other, branch)), None)
            if wider is not None:
                message = gettext(
                    "“%(way)s” comes first and takes everybody who meets this, so nobody goes by this branch. Move it up.",
                    way=gettext(port_label(labels, wider.port)),
                )
                at = f"nodes[{numbers[one.node.id]}].data.{branch.field}"
                fix = _without(at.removesuffix(".conditions"), one.node.data, branch, wider)
                yield warning(at, message, one.node.id, fix)
            earlier.append(branch)


def _without(path: str, data: dict[str, Any], branch: BranchConditions, wider: BranchConditions) -> Fix | None:
    """Nobody goes by it, so nobody misses it; None where a branch is no entry of a list."""
    entry, beside = _entry(data, branch), _entry(data, wider)
    return Fix(gettext("Remove this case"), take_out=path, entry=entry, beside=beside) if entry and beside else None


def _entry(data: dict[str, Any], branch: BranchConditions) -> dict[str, Any] | None:
    """The case of a branch whose conditions are at `cases[1].conditions`."""
    name, bracket, place = branch.field.removesuffix(".conditions").removesuffix("]").partition("[")
    entry: dict[str, Any] | None = data[name][int(place)] if bracket else None
    return entry


def _takes_all(wide: BranchConditions, narrow: BranchConditions) -> bool:
    """Does everybody who meets `narrow` meet `wide`? False where that is not sure."""
    if _as_text(wide) == _as_text(narrow):
        return True
    wanted = tests_of(wide.conditions, wide.match)
    if wide.match == "none" or len(wanted) != len(wide.conditions):
        return False
    tests = tests_of(narrow.conditions, narrow.match)
    return bool(tests) and all(any(_implies(test, one) for test in tests) for one in wanted)


def _implies(test: FieldTest, wanted: FieldTest) -> bool:
    return test[:3] == wanted[:3] or covers(wanted, test)


def _as_text(branch: BranchConditions) -> str:
    parts = sorted(json.dumps(one, sort_keys=True, default=str) for one in branch.conditions)
    return json.dumps([parts, branch.match if len(parts) > 1 or branch.match == "none" else "all"])
