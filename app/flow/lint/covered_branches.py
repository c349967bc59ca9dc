"""Branches to which nobody comes because one before them takes everybody. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

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
                yield warning(at, message, one.node.id, _without(at.removesuffix(".conditions")))
            earlier.append(branch)


def _without(entry: str) -> Fix | None:
    """Nobody goes by it, so nobody misses it; None where a branch is no entry of a list."""
    return Fix(gettext("Remove this case"), take_out=entry) if entry.endswith("]") else None


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
