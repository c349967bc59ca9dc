"""The rule of a segment in words: `plan is pro or team, and did order.paid at least 2 times within the last 90 days`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any
from uuid import UUID

import msgspec

from app.flow.field_names import field_name
from app.flow.local_time import amount_in_words
from app.flow.phrases import TO_CHOOSE, wanted_in_words
from app.flow.phrases import sentence as conditions_sentence
from app.flow.segment_rules import Count, Duration, RuleCondition, SegmentRule, as_group, field_path, wanted_segments
from app.lib.formats import readable
from app.lib.translation import gettext, ngettext, translatable

Names = Mapping[UUID, str]
_WORKFLOW = {
    "in": translatable("is in the workflow %(name)s"),
    "finished": translatable("has finished the workflow %(name)s"),
    "never": translatable("was never in the workflow %(name)s"),
}
_ONCE = {
    "first": translatable("did %(event)s for the first time"),
    "last": translatable("did %(event)s for the last time"),
}


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
        if len(parts) == 1:
            return gettext("not (%(condition)s)", condition=parts[0])
        text = gettext("neither %(conditions)s", conditions=gettext(" nor ").join(parts))
        return text if outermost else f"({text})"
    joined = (gettext(" or ") if group.match == "any" else gettext(" and ")).join(parts)
    return joined if outermost or len(parts) == 1 else f"({joined})"


def _part(part: RuleCondition, names: Names, zone: tzinfo) -> str:
    match part.kind:
        case "group":
            return _group(part, names, zone)
        case "activity":
            return _event(part)
        case "workflow":
            name = names.get(part.workflow) if part.workflow is not None else None
            return gettext(_WORKFLOW[part.state], name=_quoted(name))
        case "segment":
            wanted = gettext(" or ").join(_quoted(names.get(one)) for one in wanted_segments(part)) or TO_CHOOSE
            if part.operator == "not_in":
                return gettext("is not in the segment %(segments)s", segments=wanted)
            return gettext("is in the segment %(segments)s", segments=wanted)
    label = field_name(field_path(part.field or TO_CHOOSE))
    return f"{label} {wanted_in_words(part.operator, part.value, zone)}"


def _quoted(name: str | None) -> str:
    return gettext("“%(text)s”", text=name) if name else TO_CHOOSE


def _event(part: RuleCondition) -> str:
    event, length = part.event or TO_CHOOSE, _length(part.within)
    if part.conditions:
        wanted = conditions_sentence(msgspec.to_builtins(part.conditions), part.match)
        event = gettext("%(event)s with %(conditions)s", event=event, conditions=wanted)
    if part.occurrence != "any":
        turn = gettext(_ONCE[part.occurrence], event=event)
        if part.did:
            return gettext("%(turn)s within the last %(length)s", turn=turn, length=length)
        return gettext("%(turn)s more than %(length)s ago", turn=turn, length=length)
    if part.did:
        turn = _did(event, part.count)
        return turn if part.within is None else gettext("%(turn)s within the last %(length)s", turn=turn, length=length)
    if part.within is None:
        return gettext("never did %(event)s", event=event)
    return gettext("did not do %(event)s within the last %(length)s", event=event, length=length)


def _did(event: str, count: Count | None) -> str:
    if count is None or (count.operator, count.value) == ("at_least", 1):
        return gettext("did %(event)s", event=event)
    values, amount = {"event": event, "number": readable(count.value)}, count.value
    match count.operator:
        case "at_least":
            return ngettext(
                "did %(event)s at least %(number)s time", "did %(event)s at least %(number)s times", amount, **values
            )
        case "at_most":
            return ngettext(
                "did %(event)s at most %(number)s time", "did %(event)s at most %(number)s times", amount, **values
            )
    return ngettext("did %(event)s exactly %(number)s time", "did %(event)s exactly %(number)s times", amount, **values)


def _length(within: Duration | None) -> str:
    return TO_CHOOSE if within is None else amount_in_words(readable(within.duration), within.unit)
