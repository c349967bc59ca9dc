"""`app.subscriptions.permission` in SQL, for filtering lists: the same facts, the same order, the same words. A test compares both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, exists, func, literal, not_, select, text

from app.errors import FieldError, Invalid
from app.messaging.channels.email.channel import ADDRESS_SHAPE
from app.models import Contact, Suppression
from app.models.status import Channel
from app.subscriptions.permission import LABELS, REACHABLE, REASONS, SPOKEN

_LISTED = and_(
    Suppression.tenant_id == Contact.tenant_id,
    Suppression.channel == int(Channel.EMAIL),
    Suppression.address == Contact.email,
    Suppression.lifted_at.is_(None),
)
_WITHDRAWN = text("""'$.keyvalue() ? (@.key like_regex "^email$" flag "i" && @.value == false)'::jsonpath""")


def reason() -> Any:
    """The word of `permission` for the email of a contact, `reachable` when it is allowed."""
    known_reason = case((Suppression.reason.in_(REASONS), Suppression.reason), else_=literal("manual"))
    listed = select(known_reason).where(_LISTED).correlate(Contact).scalar_subquery()
    return case(
        (func.coalesce(Contact.email, "") == "", literal("no_address")),
        (not_(Contact.email.regexp_match(ADDRESS_SHAPE)), literal("invalid")),
        (listed.in_(SPOKEN), listed),
        (func.jsonb_path_exists(Contact.consent, _WITHDRAWN), literal("no_consent")),
        (listed.is_not(None), listed),
        else_=literal(REACHABLE),
    )


def matching(word: str) -> Any:
    """The condition on contacts for one of LABELS. Raises Invalid for another word."""
    if word not in LABELS:
        raise Invalid(errors=[FieldError(path="permission", message=f"Use one of {', '.join(LABELS)}.")])
    wanted = reason() == word
    if word in REASONS and word not in ("manual", "invalid"):
        # Begins with the list, which is short, where the planner would read all contacts.
        return and_(exists().where(_LISTED, Suppression.reason == word), wanted)
    return wanted
