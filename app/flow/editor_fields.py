"""What graph editors such as React Flow keep on nodes and edges: how they look, not what they do.

Programs may send an editor's state unchanged: these fields are accepted and dropped. They are listed, so that any other
unknown field is still refused as a typing error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.lib.field_errors import LEFT_OUT

Ignored = Annotated[Any | UnsetType, Meta(description="Accepted and left out.", extra={LEFT_OUT: True})]


class LeavesOut(msgspec.Struct, frozen=True):
    """Base of a part with fields of an editor: they are accepted from clients and dropped when read."""

    def __post_init__(self) -> None:
        names, values, nothing = _reader(type(self))
        if values(self) != nothing:
            for name in names:
                msgspec.structs.force_setattr(self, name, UNSET)


class NodeLooks(LeavesOut, frozen=True, rename="camel", kw_only=True):
    """Fields of a node that are accepted and left out."""

    measured: Ignored = UNSET
    width: Ignored = UNSET
    height: Ignored = UNSET
    initial_width: Ignored = UNSET
    initial_height: Ignored = UNSET
    position_absolute: Ignored = UNSET
    origin: Ignored = UNSET
    extent: Ignored = UNSET
    expand_parent: Ignored = UNSET
    parent_id: Ignored = UNSET
    parent_node: Ignored = UNSET
    z_index: Ignored = UNSET
    source_position: Ignored = UNSET
    target_position: Ignored = UNSET
    handles: Ignored = UNSET
    drag_handle: Ignored = UNSET
    selected: Ignored = UNSET
    dragging: Ignored = UNSET
    resizing: Ignored = UNSET
    hidden: Ignored = UNSET
    draggable: Ignored = UNSET
    selectable: Ignored = UNSET
    connectable: Ignored = UNSET
    deletable: Ignored = UNSET
    focusable: Ignored = UNSET
    style: Ignored = UNSET
    class_name: Ignored = UNSET
    aria_label: Ignored = UNSET
    aria_role: Ignored = UNSET
    dom_attributes: Ignored = UNSET


class EdgeLooks(LeavesOut, frozen=True, rename="camel", kw_only=True):
    """Fields of an edge that are accepted and left out. `targetHandle` is one: a step has one way in."""

    target_handle: Ignored = UNSET
    type: Ignored = UNSET
    data: Ignored = UNSET
    label: Ignored = UNSET
    label_style: Ignored = UNSET
    label_show_bg: Ignored = UNSET
    label_bg_style: Ignored = UNSET
    label_bg_padding: Ignored = UNSET
    label_bg_border_radius: Ignored = UNSET
    animated: Ignored = UNSET
    marker_start: Ignored = UNSET
    marker_end: Ignored = UNSET
    path_options: Ignored = UNSET
    interaction_width: Ignored = UNSET
    z_index: Ignored = UNSET
    selected: Ignored = UNSET
    hidden: Ignored = UNSET
    selectable: Ignored = UNSET
    deletable: Ignored = UNSET
    focusable: Ignored = UNSET
    reconnectable: Ignored = UNSET
    updatable: Ignored = UNSET
    style: Ignored = UNSET
    class_name: Ignored = UNSET
    aria_label: Ignored = UNSET
    aria_role: Ignored = UNSET
    dom_attributes: Ignored = UNSET


def editor_fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Names of the fields of a part that are accepted and left out."""
    looks = next((base for base in (NodeLooks, EdgeLooks) if issubclass(kind, base)), None)
    return looks.__struct_fields__ if looks else ()


@functools.cache
def _reader(
    kind: type[msgspec.Struct],
) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[UnsetType, ...]]:
    """The fields of a part that are left out, what reads them all, and what it reads when none is there.

    A document is read at every compile: one comparison of 30 values takes a tenth of the time of 30 comparisons.
    """
    names = editor_fields(kind)
    return names, attrgetter(*names), (UNSET,) * len(names)
