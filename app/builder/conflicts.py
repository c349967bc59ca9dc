"""What two people changed at once, side by side: only what clashes, with both values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.flow.apply_ops import Draft, RefusedOp, applied
from app.flow.diff import FlowDifference, compare
from app.flow.document import Flow
from app.flow.ops import AnyOp, clash

MOST_SHOWN = 6
MOST_VALUES = 8


def clashing_ops(own: Sequence[AnyOp], foreign_ops: Sequence[Any]) -> list[AnyOp]:
    """Those of `foreign_ops` that stand against `own`: what else others changed is merged and needs no word."""
    return [op for op in msgspec.convert(foreign_ops, list[AnyOp]) if clash(own, [op])]


def both_values(
    own: Sequence[AnyOp],
    foreign_ops: Sequence[AnyOp],
    flow: Flow,
    names: Mapping[str, Mapping[UUID, str]],
) -> list[FlowDifference]:
    """`before` is theirs, as `flow` has it now, `after` mine. Nothing where mine cannot be put on top, as of a step that they removed."""
    try:
        own_flow = applied(Draft(flow, ""), own).flow
    except RefusedOp:
        return []
    touched = {part_id for op in foreign_ops for _, part_id in op.writes()}
    return [
        msgspec.structs.replace(one, details=one.details[:MOST_VALUES])
        for one in compare(flow, own_flow, names)
        if one.details and (not one.node_id or one.node_id in touched)
    ][:MOST_SHOWN]
