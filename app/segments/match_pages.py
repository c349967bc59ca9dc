"""How many contacts the conditions of a step match, said beside its form while somebody writes them. Nothing is stored."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency

from app.accounts.deps import AppRequest
from app.errors import Invalid
from app.flow import paths
from app.flow.segment_membership import SEGMENT
from app.lib.translation import gettext
from app.membership.live_count import LiveCount
from app.models.status import Role
from app.segments.forms import decoded_rule
from app.segments.service import SegmentService

OF_CONTACTS = ("contact", paths.CONSENT, SEGMENT)
"""What a path begins with that is known without a run. A bare name is not: a run looks for it in its event first."""


class ContactMatches(msgspec.Struct):
    """`words`: how many all conditions together match, empty where that cannot be said. `alone`: the same of each condition and group, by
    its path. `busy`: the question before is not answered yet."""

    words: str = ""
    alone: list[dict[str, str]] = []
    busy: bool = False


@post("/segments/matches", role=Role.MARKETER, status_code=200)
async def count_matches(request: AppRequest, segments: NamedDependency[SegmentService]) -> ContactMatches:
    """Conditions that look at an event or at earlier steps are left out: contacts alone do not say whether they hold."""
    form: FormMultiDict = await request.form()
    try:
        raw = _of_contacts(decoded_rule(str(form.get("rule") or "")))
    except (Invalid, RecursionError):
        return ContactMatches()
    answer = await segments.rules.live(raw, None, request.user.user_id)
    counted_all = answer.counted
    alone = [{"path": path, "words": one.matched} for path, one in answer.alone.items()]
    return ContactMatches(_words(counted_all), alone, counted_all is not None and counted_all.busy)


def _words(count: LiveCount | None) -> str:
    if count is None or count.busy:
        return ""
    if count.preview is None:
        return gettext("It takes too long to count them.")
    return count.preview.whole.matched_of(count.total)


def _of_contacts(part: Any) -> Any:
    """Conditions whose fields that are not of a contact are ones that a rule over contacts refuses, each at its place."""
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("conditions"), list):
        return {**part, "conditions": [_of_contacts(one) for one in part["conditions"]]}
    field = part.get("field")
    if not isinstance(field, str) or not field or paths.names_of(field)[0] in OF_CONTACTS:
        return part
    return {**part, "field": f"event.{field}"}


ROUTES = [count_matches]
