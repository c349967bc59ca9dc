"""May this contact be written to? The one answer that sending, pages and the API give. Pure, and read again before each send.

Two things speak: the consent of the person, and the suppression list, which is about the address. An address keeps its entry
when its contact is erased or gets another one; a consent stays with the person when the address changes. `false` stops,
silence does not (docs/decisions/0004-consent-is-opt-out.md, 0023-one-permission.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.models.status import Channel
from app.values import names

REASONS = {
    "complained": translatable("An earlier %(noun)s to this address was reported as spam."),
    "unsubscribed": translatable("The address is unsubscribed."),
    "manual": translatable("The address was put on the suppression list by hand."),
    "bounced": translatable("An earlier %(noun)s to this address came back."),
    "invalid": translatable("The address does not exist."),
}
"""Why an address is on the suppression list, with the sentence. The first outweighs the ones after it when both happen."""
SPOKEN = ("complained", "unsubscribed")
"""Reasons by which the person spoke. They are named before what the consent says, the others after it."""
_BY = {"complained": "contact", "unsubscribed": "contact", "manual": "team", "bounced": "server", "invalid": "server"}
REACHABLE = "reachable"
LABELS = {
    REACHABLE: translatable("Reachable"),
    "unsubscribed": translatable("Unsubscribed"),
    "no_consent": translatable("No consent"),
    "complained": translatable("Reported as spam"),
    "bounced": translatable("Bounced"),
    "invalid": translatable("Invalid address"),
    "manual": translatable("Suppressed"),
    "no_address": translatable("No email"),
}
"""What a person reads in a pill or filter for each answer about a contact that is there, the topic aside."""
_ELSEWHERE = {"no_topic_consent": translatable("No consent for the topic"), "no_address": translatable("No address")}


def reason_label(reason: str) -> str:
    """What a person reads for the reason of a suppressed message: also for those of the workflow and the run."""
    return gettext(_ELSEWHERE.get(reason) or LABELS.get(reason) or reason.replace("_", " ").capitalize())


class SuppressionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the suppression list that holds: `reason` is a key of REASONS, `detail` what the server or a person wrote."""

    reason: str
    since: datetime | None = None
    detail: str | None = None
    barred: bool = False
    """Stands anything against the address besides the person's own word: it came back, or the team put it there?"""


class ContactFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer depends on. `known` is False for a contact that was erased."""

    address: str | None
    consent: Mapping[str, Any] = {}
    listed: SuppressionEntry | None = None
    known: bool = True
    transactional: bool = False
    """Of the message: it is about something that the contact did, such as an order, and needs no consent. The list stops it too, but
    for reasons that the channel `passes`."""


class Permission(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`reason` is a stable word for programs, None when `allowed`; `sentence` is for people.

    `by` says who stands behind it: `contact`, `team` or `server`. `since` is None where nobody wrote down when.
    """

    allowed: bool
    reason: str | None = None
    sentence: str
    since: datetime | None = None
    by: str | None = None
    detail: str | None = None

    @property
    def label(self) -> str:
        """The answer in a word or two."""
        return gettext(LABELS.get(self.reason or REACHABLE, LABELS["manual"]))

    @property
    def can_resubscribe(self) -> bool:
        """Would lifting what stands against it help?"""
        return not self.allowed and self.reason not in ("contact_deleted", "no_address")


class Reachable(Protocol):
    """A contact, or anything that carries its address and its consent."""

    @property
    def email(self) -> str | None: ...
    @property
    def consent(self) -> Mapping[str, Any]: ...


def facts_of(contact: Reachable, listed: SuppressionEntry | None) -> ContactFacts:
    """The facts about the email of a contact that is there."""
    return ContactFacts(address=contact.email, consent=contact.consent, listed=listed)


def permission(facts: ContactFacts, channel: Channel | str = Channel.EMAIL, topic: str | None = None) -> Permission:
    """May a message of this channel and topic go to the contact?

    Reasons are in the order of their use to a reader: no contact, no address, the contact said no, the address
    cannot be reached.
    """
    word = channel.word if isinstance(channel, Channel) else channel.lower()
    if not facts.known:
        return _no("contact_deleted", gettext("The contact was deleted."))
    kind = registry.find(word)
    if not facts.address:
        return _no(
            "no_address",
            gettext(kind.no_address if kind else "")
            or gettext("The contact has no address for %(messages)s.", messages=_many(kind, word)),
        )
    if kind and not kind.is_address(facts.address):
        return _no("invalid", gettext(kind.not_an_address))
    listed = facts.listed
    if facts.transactional and listed and kind and listed.reason in kind.passes and not listed.barred:
        listed = None
    if listed and listed.reason in SPOKEN:
        return _stopped(listed, kind)
    if facts.transactional:
        return _stopped(listed, kind) if listed else _allowed(kind, word)
    if _withdrawn(facts.consent, word):
        return _no(
            "no_consent",
            gettext("The contact withdrew consent for %(messages)s.", messages=_many(kind, word)),
            by="contact",
        )
    if topic and _withdrawn(facts.consent, topic, names.fitting(topic)):
        return _no(
            "no_topic_consent",
            gettext("The contact withdrew consent for the topic %(topic)s.", topic=topic),
            by="contact",
        )
    if listed:
        return _stopped(listed, kind)
    return _allowed(kind, word)


def _many(kind: type[ChannelType] | None, word: str) -> str:
    """What people call messages of this channel; its word, in quotes, when it is not installed."""
    return kind.many() if kind else quoted(word)


def _allowed(kind: type[ChannelType] | None, word: str) -> Permission:
    label = gettext(kind.label) if kind else word.capitalize()
    return Permission(allowed=True, sentence=gettext("%(channel)s may be sent to this contact.", channel=label))


def _withdrawn(consent: Mapping[str, Any], name: str, fitting: str = "") -> bool:
    """Is there a no for this channel or topic, however it is written? `Email` and `News` mean what `email` and `news` mean.

    `Weekly News`, as an older step may call a topic, is `weekly_news`, as consent is stored (`fitting`).
    """
    folded = name.casefold()
    return any(
        allowed is False and (key.casefold() == folded or (fitting != "" and names.fitting(key) == fitting))
        for key, allowed in consent.items()
    )


def _no(reason: str, sentence: str, by: str | None = None) -> Permission:
    return Permission(allowed=False, reason=reason, sentence=sentence, by=by)


def _stopped(listed: SuppressionEntry, kind: type[ChannelType] | None) -> Permission:
    reason = listed.reason if listed.reason in REASONS else "manual"
    sentence = gettext(REASONS[reason], noun=gettext(kind.noun if kind else "message"))
    return Permission(
        allowed=False,
        reason=reason,
        sentence=sentence,
        since=listed.since,
        by=_BY[reason],
        detail=listed.detail,
    )
