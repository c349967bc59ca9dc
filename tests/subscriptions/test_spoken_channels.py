"""Why somebody may not be written to is said with the channel as people call it, in each language and also of what was stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.lib import translation
from app.subscriptions.permission import ContactFacts, SuppressionEntry, permission

ADDRESSES = {"email": "zoe@example.com", "sms": "+4915112345678", "whatsapp": "+4915112345678", "push": "zoe"}
ENGLISH = {"email": "emails", "sms": "text messages", "whatsapp": "WhatsApp messages", "push": "notifications"}
GERMAN = {"email": "E-Mails", "sms": "SMS", "whatsapp": "WhatsApp-Nachrichten", "push": "Benachrichtigungen"}
ONE = {
    "email": ("email", "E-Mail"),
    "sms": ("text message", "SMS"),
    "whatsapp": ("WhatsApp message", "WhatsApp-Nachricht"),
    "push": ("notification", "Benachrichtigung"),
}


@pytest.mark.parametrize("channel", ADDRESSES)
def test_consent_that_was_withdrawn(channel: str) -> None:
    facts = ContactFacts(address=ADDRESSES[channel], consent={channel: False})
    stored = permission(facts, channel).sentence
    assert stored == f"The contact withdrew consent for {ENGLISH[channel]}."
    with translation.using("de"):
        german = f"Der Kontakt hat die Einwilligung für {GERMAN[channel]} zurückgezogen."
        assert permission(facts, channel).sentence == translation.of_stored(stored) == german


@pytest.mark.parametrize("channel", ADDRESSES)
@pytest.mark.parametrize(("reason", "german"), [("bounced", "kam zurück"), ("complained", "wurde als Spam gemeldet")])
def test_what_happened_to_an_earlier_message(channel: str, reason: str, german: str) -> None:
    """It was an email whatever the channel: the sentence of a number spoke of one."""
    entry = SuppressionEntry(reason=reason, since=datetime(2026, 3, 1, tzinfo=UTC))
    facts = ContactFacts(address=ADDRESSES[channel], listed=entry)
    stored = permission(facts, channel).sentence
    assert stored.startswith(f"An earlier {ONE[channel][0]} to this address ")
    with translation.using("de"):
        said = f"Eine frühere {ONE[channel][1]} an diese Adresse {german}."
        assert permission(facts, channel).sentence == translation.of_stored(stored) == said


def test_a_channel_that_is_not_installed_is_a_quoted_word() -> None:
    assert permission(ContactFacts(address="1"), "fax").allowed
    said = permission(ContactFacts(address="1", consent={"fax": False}), "fax").sentence
    assert said == "The contact withdrew consent for “fax”."
