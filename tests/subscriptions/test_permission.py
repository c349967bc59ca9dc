"""Who may be written to: the pure rule, and that its SQL for lists says the same about every combination of facts."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Invalid
from app.lib import clock
from app.lib.database import execute
from app.messaging.channels.email.channel import ADDRESS_SHAPE
from app.models import Contact, Suppression, Workspace
from app.models.contact import BROKEN_ADDRESS
from app.models.status import Channel
from app.subscriptions import permission_filter, suppression_repository
from app.subscriptions.permission import LABELS, REASONS, ContactFacts, SuppressionEntry, permission

AT = datetime(2026, 3, 1, tzinfo=UTC)
ADDRESS = "zoe@example.com"


def listed(reason: str, detail: str | None = None) -> SuppressionEntry:
    return SuppressionEntry(reason=reason, since=AT, detail=detail)


@pytest.mark.parametrize(
    ("consent", "channel", "topic", "allowed"),
    [
        ({}, Channel.EMAIL, None, True),
        ({}, Channel.EMAIL, "newsletter", True),
        ({"email": True}, Channel.EMAIL, "newsletter", True),
        ({"email": False}, Channel.EMAIL, None, False),
        ({"email": False, "newsletter": True}, Channel.EMAIL, "newsletter", False),
        ({"newsletter": False}, Channel.EMAIL, "newsletter", False),
        ({"newsletter": False}, Channel.EMAIL, "billing", True),
        ({"newsletter": False}, Channel.EMAIL, None, True),
        ({"sms": False}, Channel.EMAIL, None, True),
        ({"sms": False}, "SMS", None, False),
        ({"Email": False, "email": True}, Channel.EMAIL, None, False),
        ({"News": False}, Channel.EMAIL, "news", False),
        ({"email": None, "news": 0}, Channel.EMAIL, "news", True),
    ],
)
def test_false_stops_and_silence_does_not(
    consent: dict[str, bool], channel: Channel | str, topic: str | None, allowed: bool
) -> None:
    answer = permission(ContactFacts(address=ADDRESS, consent=consent), channel, topic)
    assert answer.allowed is allowed and (answer.reason is None) is allowed and answer.sentence.endswith(".")


@pytest.mark.parametrize(
    ("facts", "topic", "reason", "by"),
    [
        ({"known": False, "listed": listed("bounced")}, None, "contact_deleted", None),
        ({"address": None, "consent": {"email": False}}, None, "no_address", None),
        ({"address": "", "listed": listed("complained")}, None, "no_address", None),
        ({"address": "no at sign"}, None, "invalid", None),
        ({"address": "a b@example.com"}, None, "invalid", None),
        ({"listed": listed("unsubscribed"), "consent": {"email": True}}, None, "unsubscribed", "contact"),
        ({"listed": listed("unsubscribed"), "consent": {"email": False}}, None, "unsubscribed", "contact"),
        ({"listed": listed("complained"), "consent": {"email": False}}, None, "complained", "contact"),
        ({"listed": listed("bounced"), "consent": {"email": False}}, None, "no_consent", "contact"),
        ({"listed": listed("bounced"), "consent": {"news": False}}, "news", "no_topic_consent", "contact"),
        ({"listed": listed("bounced"), "consent": {"news": False}}, "offers", "bounced", "server"),
        ({"listed": listed("invalid"), "consent": {"email": True}}, None, "invalid", "server"),
        ({"listed": listed("manual")}, None, "manual", "team"),
        ({"listed": listed("a reason of another time")}, None, "manual", "team"),
        ({"consent": {"news": False, "email": True}}, "news", "no_topic_consent", "contact"),
    ],
)
def test_the_first_reason_that_a_person_wants_to_hear(
    facts: dict[str, Any], topic: str | None, reason: str, by: str | None
) -> None:
    answer = permission(ContactFacts(**{"address": ADDRESS, **facts}), Channel.EMAIL, topic)
    assert (answer.allowed, answer.reason, answer.by) == (False, reason, by)


def test_what_stands_behind_it_comes_along() -> None:
    answer = permission(ContactFacts(address=ADDRESS, listed=listed("bounced", "550 5.1.1 No such user")))
    assert (answer.since, answer.detail) == (AT, "550 5.1.1 No such user")
    assert answer.label == "Bounced" and answer.can_resubscribe
    assert permission(ContactFacts(address=ADDRESS)).label == "Reachable"


async def test_the_filter_of_lists_says_the_same(db_session: AsyncSession, workspace: Workspace) -> None:
    """Every address, consent and entry with every other: some 200 contacts."""
    entries = [None, *((reason, gone) for reason in (*REASONS, "of another time") for gone in (False, True))]
    addresses = ["n{}@example.com", "upper{}@example.com", "nö{}@bücher.example", None, "", "broken{}"]
    expected = {}
    for number, (shape, consent, entry) in enumerate(
        product(addresses, [{}, {"email": False}, {"EMail": False}, {"email": True, "news": False}], entries)
    ):
        email = shape.format(number) if shape else shape
        if email == "" and number != len(entries) * 4 * 4:
            continue  # an empty address is unique too
        row = Contact(tenant_id=workspace.id, email=email, external_id=str(number), consent=consent)
        db_session.add(row)
        await db_session.flush()
        holds = None
        if entry and email:
            reason, gone = entry
            lifted = clock.now() if gone else None
            db_session.add(
                Suppression(tenant_id=workspace.id, channel=1, address=email.lower(), reason=reason, lifted_at=lifted)
            )
            holds = None if gone else listed(reason)
        answer = permission(ContactFacts(address=email, consent=consent, listed=holds))
        expected[row.id] = answer.reason or "reachable"
    await db_session.flush()
    mine = select(Contact.id).where(Contact.tenant_id == workspace.id)
    assert set(expected.values()) == set(LABELS)
    for word in LABELS:
        found = set((await db_session.scalars(mine.where(permission_filter.matching(word)))).all())
        assert found == {contact_id for contact_id, reason in expected.items() if reason == word}, word
        if own := permission_filter.own_rows(word):
            assert found <= set((await db_session.scalars(mine.where(text(own)))).all()), word
        if listed_sql := permission_filter.listed_contacts(word):
            rows = await execute(db_session, listed_sql, tenant=workspace.id, most=10_000)
            assert found <= {row[0] for row in rows}, word
    assert f"email !~ '{ADDRESS_SHAPE}'" == BROKEN_ADDRESS


def test_a_word_that_there_is_not() -> None:
    with pytest.raises(Invalid):
        permission_filter.matching("bogus")


@pytest.mark.parametrize(
    ("channel", "reason", "barred", "allowed"),
    [
        (Channel.EMAIL, "unsubscribed", False, True),
        (Channel.EMAIL, "unsubscribed", True, False),
        *(
            (Channel.EMAIL, reason, reason != "complained", False)
            for reason in ("complained", "bounced", "invalid", "manual")
        ),
        (Channel.SMS, "unsubscribed", False, False),
    ],
)
def test_transactional_email_goes_to_who_unsubscribed_and_never_to_what_came_back(
    channel: Channel, reason: str, barred: bool, allowed: bool
) -> None:
    address = ADDRESS if channel is Channel.EMAIL else "+15017122661"
    entry = SuppressionEntry(reason=reason, since=AT, barred=barred)
    no = {channel.word: False, "news": False}
    facts = ContactFacts(address=address, consent=no, listed=entry, transactional=True)
    assert permission(facts, channel, "news").allowed is allowed
    facts = ContactFacts(address=address, consent={}, listed=entry)
    assert not permission(facts, channel).allowed, "marketing stops at every reason"


@pytest.mark.parametrize(
    "reasons", [("unsubscribed", "bounced"), ("bounced", "unsubscribed"), ("manual", "unsubscribed")]
)
async def test_what_came_back_bars_an_address_also_beside_a_weightier_word(
    db_session: AsyncSession, workspace: Workspace, reasons: tuple[str, ...]
) -> None:
    for reason in reasons:
        entry = suppression_repository.Put(address=ADDRESS, reason=reason)
        await suppression_repository.put(db_session, workspace.id, Channel.EMAIL, [entry])
    known = (await suppression_repository.listed(db_session, workspace.id, [ADDRESS]))[ADDRESS]
    assert (known.reason, known.barred) == ("unsubscribed", True)
    await suppression_repository.lift(db_session, workspace.id, Channel.EMAIL, ADDRESS, by="Ann", why="Asked for it")
    again = suppression_repository.Put(address=ADDRESS, reason="unsubscribed")
    await suppression_repository.put(db_session, workspace.id, Channel.EMAIL, [again])
    known = (await suppression_repository.listed(db_session, workspace.id, [ADDRESS]))[ADDRESS]
    assert (known.reason, known.barred) == ("unsubscribed", False), "what was lifted counts no more"
