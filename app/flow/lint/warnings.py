"""All that the linter says of a document. Each kind of warning is a module beside this one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from app.flow.diagnostic import Diagnostic
from app.flow.document import Flow
from app.flow.field_names import steps_called
from app.flow.field_reads import KnownNames
from app.flow.lint import (
    covered_branches,
    missing_fallbacks,
    odd_conditions,
    own_goals,
    silent_events,
    unknown_names,
    unset_variables,
)
from app.flow.node_words import title_of
from app.flow.references import ReferencedRows
from app.flow.ways import typed_nodes


def lint_warnings(flow: Flow, rows: ReferencedRows, known: KnownNames) -> Iterator[Diagnostic]:
    """What is probably not meant; `rows` and `known` are what the workspace has."""
    yield from unset_variables.unset_variables(flow)
    yield from unset_variables.lost_steps(flow)
    yield from unknown_names.unknown_names(flow, known)
    with steps_called({node.id: title_of(node.type, node.name, node.data) for node in flow.nodes}):
        odd = list(islice(odd_conditions.odd_conditions(flow), odd_conditions.MOST))
    yield from odd
    yield from covered_branches.covered_branches(flow)
    yield from silent_events.silent_events(flow, known)
    yield from missing_fallbacks.missing_fallbacks(flow, rows, known)
    yield from own_goals.own_goals(flow)


def reads_data(flow: Flow) -> bool:
    """Is there anything to compare with the data of the workspace? Asking the database for it can be left out when not."""
    return (
        unknown_names.reads_fields(flow)
        or bool(silent_events.events_of(flow))
        or any(one.kind.sends is not None for one in typed_nodes(flow))
    )
