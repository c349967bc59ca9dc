"""Branches that nobody takes on present data: what is to be asked of the contacts, and what to say when the answer is nobody. Pure.

Asking counts contacts, so this is no part of `lint_warnings`, which each save waits for.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, NamedTuple

from app.flow import paths
from app.flow.diagnostic import Diagnostic, warning
from app.flow.document import Flow
from app.flow.node_type import BranchConditions, port_label
from app.flow.node_words import written_by
from app.flow.segment_membership import SEGMENT
from app.flow.ways import typed_nodes
from app.lib.formats import number
from app.lib.translation import gettext

MOST = 12
"""Branches of a flow that are asked about."""
_CERTAIN = ("contact", paths.CONSENT, SEGMENT)
"""What a path begins with that contacts alone answer. A bare name is looked for in the event first."""
_MOVING = frozenset({"tags"})
"""What steps change that do not say so by `writes`."""


class BranchQuestion(NamedTuple):
    """A branch, and the rule over contacts that somebody meets who takes it. `exact`: nobody may be unsure, as where it is negated."""

    node_id: str
    path: str
    way: str
    rule: dict[str, Any]
    exact: bool


def questions_of(flow: Flow) -> Iterator[BranchQuestion]:
    """The branches that contacts alone decide about, but for what this flow itself writes to them before."""
    written = _MOVING | {name for node in flow.nodes for name in written_by(node)}
    indexes = {node.id: index for index, node in enumerate(flow.nodes)}
    for one in typed_nodes(flow):
        labels = one.kind.ports(one.config)
        for branch in one.kind.branch_conditions(one.config):
            if _answered_by_contacts(branch.conditions, written):
                at = f"nodes[{indexes[one.node.id]}].data.{branch.field}"
                yield BranchQuestion(
                    one.node.id, at, gettext(port_label(labels, branch.port)), _rule(branch), branch.negated
                )


def untaken(question: BranchQuestion, total: int) -> Diagnostic:
    """The warning, where none of `total` contacts takes the branch."""
    message = gettext(
        "None of the %(number)s contacts would go by “%(way)s” now.", number=number(total), way=question.way
    )
    return warning(question.path, message, question.node_id)


def _rule(branch: BranchConditions) -> dict[str, Any]:
    group = {"match": branch.match, "conditions": branch.conditions}
    return {"match": "none", "conditions": [group]} if branch.negated else group


def _answered_by_contacts(conditions: list[Any], written: Set[str]) -> bool:
    return all(_is_of_contact(condition, written) for condition in conditions)


def _is_of_contact(condition: Any, written: Set[str]) -> bool:
    if not isinstance(condition, dict):
        return False
    if isinstance(condition.get("conditions"), list):
        return _answered_by_contacts(condition["conditions"], written)
    field = condition.get("field")
    if not isinstance(field, str) or paths.problem(field) is not None:
        return False
    names = paths.names_of(field)
    return names[0] in _CERTAIN and written.isdisjoint(names)
