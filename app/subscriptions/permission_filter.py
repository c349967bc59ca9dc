"""`app.subscriptions.permission` in SQL, for filtering lists: the same facts, the same order, the same words. A test compares both."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import and_, case, literal, select, text

from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.models import Contact, Suppression
from app.models.contact import BROKEN_ADDRESS, NO_ADDRESS, NO_CONSENT
from app.models.status import Channel
from app.subscriptions.permission import LABELS, REACHABLE, REASONS, SPOKEN

_LISTED = and_(
    Suppression.tenant_id == Contact.tenant_id,
    Suppression.channel == int(Channel.EMAIL),
    Suppression.address == Contact.email,
    Suppression.lifted_at.is_(None),
)
_OWN_ROWS = {"no_address": NO_ADDRESS, "no_consent": NO_CONSENT}
_KNOWN = sorted(REASONS)
_OTHER = " or ".join(
    [
        f"reason < '{_KNOWN[0]}'",
        *(f"reason > '{low}' and reason < '{high}'" for low, high in itertools.pairwise(_KNOWN)),
        f"reason > '{_KNOWN[-1]}'",
    ]
)
"""A reason that nobody knows any more reads `manual`. As ranges, which the index of reasons finds."""
_LISTED_CONTACTS = f"""
select c.id from (
  select address from suppressions where tenant_id = %(tenant)s and channel = {Channel.EMAIL:d} and lifted_at is null and ({{}})
  limit %(most)s) s
left join lateral (select id from contacts where tenant_id = %(tenant)s and email = s.address offset 0) c on true
"""  # noqa: S608  constants


def reason() -> Any:
    """The word of `permission` for the email of a contact, `reachable` when it is allowed."""
    known_reason = case((Suppression.reason.in_(REASONS), Suppression.reason), else_=literal("manual"))
    listed = select(known_reason).where(_LISTED).correlate(Contact).scalar_subquery()
    return case(
        (text(NO_ADDRESS), literal("no_address")),
        (text(BROKEN_ADDRESS), literal("invalid")),
        (listed.in_(SPOKEN), listed),
        (text(NO_CONSENT), literal("no_consent")),
        (listed.is_not(None), listed),
        else_=literal(REACHABLE),
    )


def matching(word: str) -> Any:
    """The condition on contacts for one of LABELS. Raises Invalid for another word."""
    if word not in LABELS:
        raise Invalid(
            errors=[FieldError(path="permission", message=gettext("Use one of %(labels)s.", labels=", ".join(LABELS)))]
        )
    return reason() == word


def own_rows(word: str) -> str | None:
    """The condition on a contact's own row without which it cannot be this, as an index has it; None where there is none."""
    return _OWN_ROWS.get(word)


def listed_contacts(word: str) -> str | None:
    """SQL of the ids of all contacts that may be this because of the suppression list; None when the list does not say it.

    Takes `tenant` and `most`, up to which entries are looked at: a row for each, null for one that is no contact's.
    """
    if word not in REASONS:
        return None
    reasons = f"reason = '{word}'" + (f" or {_OTHER}" if word == "manual" else "")
    listed = _LISTED_CONTACTS.format(reasons)
    if word != "invalid":
        return listed
    broken = f"select id from contacts where tenant_id = %(tenant)s and {BROKEN_ADDRESS} limit %(most)s"  # noqa: S608  a constant
    return f"({listed}) union all ({broken})"
