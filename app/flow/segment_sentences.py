"""The rule of a segment in words: `plan is pro or team, and did order.paid at least 2 times within the last 90 days`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any
from uuid import UUID

import msgspec

from app.flow.paths import label_of
from app.flow.phrases import TO_CHOOSE, wanted_in_words
from app.flow.phrases import sentence as conditions_sentence
from app.flow.segment_rules import Count, Duration, RuleCondition, SegmentRule, as_group, field_path, wanted_segments
from app.lib.formats import readable
from app.lib.translation import gettext

Names = Mapping[UUID, str]
_WORKFLOW = {"in": "is in the workflow", "finished": "has finished the workflow", "never": "was never in the workflow"}


def rule_in_words(rule: SegmentRule | Mapping[str, Any], names: Names | None = None, zone: tzinfo = UTC) -> str:
    """The sentence of a rule, also of one that is not complete; nothing for an empty one.

    `names`: of segments and workflows that it may name. `zone`: the reader's.
    """
    whole = rule if isinstance(rule, SegmentRule) else msgspec.convert(rule, SegmentRule)
    return _group(as_group(whole), names or {}, zone, outermost=True)


def _group(group: RuleCondition, names: Names, zone: tzinfo, *, outermost: bool = False) -> str:
    if outermost and group.match != "none" and [part.kind for part in group.parts] == ["group"]:
        return _group(group.parts[0], names, zone, outermost=True)
    parts = [_part(part, names, zone) for part in group.parts]
    if not parts:
        return ""
    if group.match == "none":
        text = f"neither {' nor '.join(parts)}" if len(parts) > 1 else f"not ({parts[0]})"
        return text if outermost or len(parts) == 1 else f"({text})"
    joined = (" or " if group.match == "any" else " and ").join(parts)
    return joined if outermost or len(parts) == 1 else f"({joined})"


def _part(part: RuleCondition, names: Names, zone: tzinfo) -> str:
    match part.kind:
        case "group":
            return _group(part, names, zone)
        case "activity":
            return _event(part)
        case "workflow":
            name = names.get(part.workflow) if part.workflow is not None else None
            return f"{_WORKFLOW[part.state]} {_quoted(name)}"
        case "segment":
            wanted = " or ".join(_quoted(names.get(one)) for one in wanted_segments(part)) or TO_CHOOSE
            return f"is {'not ' if part.operator == 'not_in' else ''}in the segment {wanted}"
    field = part.field or TO_CHOOSE
    label = "tags" if field in ("tags", "contact.tags") else label_of(field_path(field))
    consent = label.removeprefix("consent.")
    if consent != label:
        label = f"consent to {consent}"
    return f"{label} {wanted_in_words(part.operator, part.value, zone)}"


def _quoted(name: str | None) -> str:
    return f"“{name}”" if name else TO_CHOOSE


def _event(part: RuleCondition) -> str:
    event = part.event or TO_CHOOSE
    where = f" with {conditions_sentence(msgspec.to_builtins(part.conditions), part.match)}" if part.conditions else ""
    length = _length(part.within)
    if part.occurrence != "any":
        turn = f"did {event}{where} for the {part.occurrence} time"
        return (
            gettext("%(turn)s within the last %(length)s", turn=turn, length=length)
            if part.did
            else f"{turn} more than {length} ago"
        )
    within = f" within the last {length}" if part.within is not None else ""
    if not part.did:
        return f"did not do {event}{where}{within}" if within else f"never did {event}{where}"
    return f"did {event}{where}{_times(part.count)}{within}"


def _times(count: Count | None) -> str:
    if count is None or (count.operator, count.value) == ("at_least", 1):
        return ""
    words = {"at_least": "at least", "at_most": "at most", "exactly": "exactly"}[count.operator]
    return f" {words} {readable(count.value)} {'time' if count.value == 1 else 'times'}"


def _length(within: Duration | None) -> str:
    if within is None:
        return TO_CHOOSE
    unit = within.unit.removesuffix("s") if within.duration == 1 else within.unit
    return f"{readable(within.duration)} {unit}"
