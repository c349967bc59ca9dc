"""Which connectors stand in for which: while one does not work, what is due through it leaves by the one that it names, or by that one's.

Only connectors of one channel stand in for each other. Whose state says that it does not work (`away`, `paused`) is passed over; one that
merely rests or has used up its rate is not. A chain has at most three connectors and no circle, so plain joins walk it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog

from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.messaging.channels import registry

log = structlog.get_logger()
LONGEST = 3
"""Connectors of a chain, the first among them."""


class Chained(Protocol):
    """A connector as far as chains go."""

    id: UUID
    channel: int
    name: str
    server: str
    state: str
    type: str
    config: dict[str, Any]
    stand_in_id: UUID | None
    is_default: bool


C = TypeVar("C", bound=Chained)


def chain_of(first: Chained, by_id: Mapping[UUID, Chained]) -> list[Chained]:
    """`first` and those that stand in for it, in their order; as many as there may be, and one more where that is too many."""
    chain = [first]
    while len(chain) <= LONGEST and (next_id := chain[-1].stand_in_id) in by_id and next_id is not None:
        chain.append(by_id[next_id])
    return chain


def meant_of(rows: Iterable[C], connector_id: str) -> C | None:
    """Of the connectors of a channel the one that a message is meant for: the one that its step names, else the default now."""
    wanted = connector_id.lower()
    return next((row for row in rows if (str(row.id) == wanted if wanted else row.is_default)), None)


def carrier_of(first: Chained, by_id: Mapping[UUID, Chained]) -> Chained:
    """By which connector leaves what is due through `first` now: the first of its chain that works, else itself."""
    return next((one for one in chain_of(first, by_id) if one.state == "ok"), first)


def check_stand_in(connector: Chained, wanted: UUID | None, others: Iterable[Chained]) -> None:
    """May `connector` name `wanted` as its stand-in? `others`: all connectors of the workspace. Raises Invalid for `standInId`."""
    if wanted is None:
        return
    by_id = {one.id: one for one in others}
    other = by_id.get(wanted)
    if connector.channel == registry.SERVICE:
        raise _invalid(gettext("Each step names the service that it calls, so no other one stands in."))
    if other is None or other.channel != connector.channel:
        raise _invalid(gettext("Choose another connector of the same channel."))
    if wanted == connector.id:
        raise _invalid(gettext("A connector cannot stand in for itself."))
    if other.server == connector.server:
        raise _invalid(
            gettext(
                "“%(name)s” goes to the same server as the same user, so it would fail together with this one.",
                name=other.name,
            )
        )
    below = chain_of(other, by_id)
    if any(one.id == connector.id for one in below):
        raise _invalid(
            gettext(
                "“%(name)s” already stands in for “%(name_2)s”, and a circle would end nowhere.",
                name=connector.name,
                name_2=other.name,
            )
        )
    if _depth_above(connector, by_id) + len(below) > LONGEST:
        names = " → ".join(f"“{one.name}”" for one in (connector, *below)[: LONGEST + 1])
        raise _invalid(
            gettext(
                "A chain has at most %(longest)s connectors. This one would be longer: %(names)s.",
                longest=LONGEST,
                names=names,
            )
        )
    if why := refusal(connector, other, {}, None):
        raise _invalid(why)


def _depth_above(connector: Chained, by_id: Mapping[UUID, Chained]) -> int:
    """The length of the longest chain that ends with `connector`."""
    before = [one for one in by_id.values() if one.stand_in_id == connector.id and one.id != connector.id]
    return 1 + max((_depth_above(one, by_id) for one in before), default=0)


def refusal(first: Any, other: Any, options: Mapping[str, Any], content: Mapping[str, Any] | None) -> str:
    """Why `other` may not take over a message of `first`, as a sentence; empty when it may. `options`, `content`: of its step and template.

    Without `content` no message is meant yet.
    """
    kind = registry.connector_types().get(other.type)
    if kind is None:
        return gettext("Connectors of the type %(type)s are not installed here.", type=other.type)
    try:
        why = kind.stand_in_refusal(other.config, first.config, options, content)
    except Exception:  # a type of a plugin must not stop the others
        log.exception("connector.stand_in_unclear", type=other.type)
        why = gettext("its type could not say whether it may")
    return gettext("“%(name)s” does not stand in: %(why)s.", name=other.name, why=why) if why else ""


def _invalid(message: str) -> Invalid:
    return Invalid(errors=[FieldError(path="standInId", message=message)])
