"""Providers of messages to phones: what leaves is as they document it, what they answer means what it says, and nothing leaves twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.connectors.schemas import ConnectorChange, NewConnector
from app.connectors.trial import send_trial
from app.errors import Invalid
from app.messaging.channels import registry
from app.models import Connector
from tests.fixtures.http_server import Reply
from tests.messaging.ended import exact
from tests.messaging.phone_providers.fake import FakePhoneProvider, Meta, Twilio, TwilioWhatsapp, Vonage, listening
from tests.messaging.phone_providers.phones import CONTENT_SID, NAME, Phones
from tests.messaging.world import World

ALL: list[type[FakePhoneProvider]] = [Twilio, Vonage, TwilioWhatsapp, Meta]


@pytest.fixture(params=ALL, ids=lambda kind: kind.type)
def provider(request: pytest.FixtureRequest) -> Iterator[FakePhoneProvider]:
    with listening(request.param) as provider:
        yield provider


@pytest.fixture
def phones(world: World, provider: FakePhoneProvider) -> Phones:
    return Phones(world, provider)


def only(kind: type[FakePhoneProvider]) -> Any:
    return pytest.mark.parametrize("provider", [kind], indirect=True, ids=[kind.type])


def test_a_message_leaves_once_and_whole(phones: Phones, provider: FakePhoneProvider, world: World) -> None:
    run_id = phones.message("+15017122661")
    world.deliver()
    world.deliver()
    assert phones.ends(run_id) == [("sent", None)] and world.row(run_id)["recipient"] == "+15017122661"
    (sent,) = provider.taken
    assert sent.recipient.removeprefix("whatsapp:").removeprefix("+") == "15017122661"
    if provider.channel == "sms":
        assert sent.text == "Hi Zoé, shoes\nReply STOP to opt out."
    elif provider.type == "twilio_whatsapp":
        assert (sent.template, sent.values) == (CONTENT_SID, {"1": "Zoé", "2": "shoes"})
    else:
        body = [{"type": "text", "text": "Zoé"}, {"type": "text", "text": "shoes"}]
        assert (sent.template, sent.values) == (NAME, {"language": "en_US", "body": body})
    assert not sent.reference or sent.reference == f"{run_id}-2"
    assert phones.state[0] == "ok"
    exact(world)


def test_a_backlog_leaves_once_by_two_workers(phones: Phones, provider: FakePhoneProvider, world: World) -> None:
    for _ in range(30):
        phones.message()
    world.deliver_by_two()
    assert (
        world.words() == {"sent": 30} and len({sent.recipient for sent in provider.taken}) == len(provider.taken) == 30
    )
    exact(world)


def test_one_that_was_cut_is_uncertain_and_never_sent_again(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    provider.script = [None]
    run_id = phones.message()
    world.deliver()
    world.make_due()
    world.deliver()
    assert phones.ends(run_id) == [("uncertain", "unconfirmed")] and len(provider.asked) == 1
    exact(world)


def test_whoever_cannot_be_reached_or_said_no_gets_nothing(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    word = phones.channel.type
    nowhere, strange, short = phones.message(None), phones.message("call me"), phones.message("+1501")
    opted_out = phones.message(consent={word: False})
    of_topic = phones.message(consent={"offers": False}, payload={"topic": "offers"})
    world.deliver()
    ends = [("suppressed", "no_address"), ("suppressed", "invalid"), ("suppressed", "invalid")]
    assert phones.ends(nowhere, strange, short) == ends and not provider.asked
    assert phones.ends(opted_out, of_topic) == [("suppressed", "no_consent"), ("suppressed", "no_topic_consent")]
    assert world.row(nowhere)["error_message"] == "The contact has no phone number."
    assert "country code" in world.row(strange)["error_message"]


def test_what_a_contact_waits_for_needs_no_consent_but_stops_at_the_list(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    payload = {"class": "transactional", "topic": "offers"}
    said_no = phones.message(consent={phones.channel.type: False, "offers": False}, payload=payload)
    stopped = phones.message("+15017122699", payload=payload)
    world.db.execute(
        "insert into suppressions (tenant_id, channel, address, reason) values (%s, %s, '+15017122699', 'unsubscribed')",
        (world.tenant, phones.channel.number),
    )
    world.deliver()
    assert phones.ends(said_no, stopped) == [("sent", None), ("suppressed", "unsubscribed")]
    if provider.channel == "sms":
        assert provider.taken[0].text == "Hi Zoé, shoes", "no line about opting out of what nobody can opt out of"


def test_an_empty_message_is_an_error_and_sends_nothing(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    if provider.channel == "sms":
        template, words = phones.saying("{{ event.nothing }}"), "Nothing is left of the text"
    else:
        template = phones.saying(variables=["{{ contact.first_name }}", "{{ event.nothing }}"])
        words = "variable {{2}}: It is empty for this contact."
    run_id = phones.message(template=template)
    world.deliver()
    assert phones.ends(run_id) == [("failed", "template_error")] and not provider.asked
    assert words in world.row(run_id)["error_message"]


LIMITS = {
    "twilio": (20429, 429), "twilio_whatsapp": (63018, 429), "vonage": (1, 200), "meta_whatsapp": (130429, 400),
}  # fmt: skip
CREDENTIALS = {
    "twilio": (20003, 401), "twilio_whatsapp": (20003, 401), "vonage": (4, 200), "meta_whatsapp": (190, 401),
}  # fmt: skip


def test_when_too_many_leave_messages_wait_and_none_is_lost(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    code, status = LIMITS[provider.type]
    provider.script = [provider.refusal(code, "Too Many Requests", status)]
    first = phones.message()
    world.deliver()
    world.make_due()
    world.deliver()
    assert phones.ends(first) == [("sent", None)] and len(provider.taken) == 1 and len(provider.asked) == 2
    exact(world)


def test_wrong_credentials_stop_the_connector_until_somebody_mends_them(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    code, status = CREDENTIALS[provider.type]
    provider.script = [provider.refusal(code, "Authenticate", status)]
    run_id = phones.message()
    world.deliver()
    state, words = phones.state
    assert state == "paused" and "Authenticate" in (words or ""), "the provider's own words"
    assert phones.ends(run_id)[0][0] == "queued"
    kind = registry.connector_type(provider.type)
    world.connectors("update", phones.connector, ConnectorChange(config={kind.secret: provider.config()[kind.secret]}))
    world.deliver()
    assert phones.ends(run_id) == [("sent", None)] and phones.state[0] == "ok"
    exact(world)


REFUSALS: list[tuple[type[FakePhoneProvider], int, int, str, str]] = [
    (Twilio, 21211, 400, "failed bad_address", "bounced"),
    (Twilio, 21614, 400, "failed bad_address", "bounced"),
    (Twilio, 21610, 400, "failed opted_out", "unsubscribed"),
    (Twilio, 21408, 403, "failed message_refused", ""),
    (Twilio, 21602, 400, "failed message_refused", ""),
    (TwilioWhatsapp, 63016, 400, "failed session_closed", ""),
    (TwilioWhatsapp, 63024, 400, "failed not_on_whatsapp", ""),
    (TwilioWhatsapp, 21656, 400, "failed template_refused", ""),
    (Vonage, 33, 200, "failed bad_address", "bounced"),
    (Vonage, 7, 200, "failed message_refused", ""),
    (Vonage, 3, 200, "failed message_refused", ""),
    (Vonage, 5, 200, "queued deferred", ""),
    (Meta, 131026, 400, "failed not_on_whatsapp", ""),
    (Meta, 131047, 400, "failed session_closed", ""),
    (Meta, 132000, 400, "failed template_refused", ""),
    (Meta, 132001, 404, "failed template_refused", ""),
    (Meta, 131050, 400, "failed marketing_stopped", ""),
    (Meta, 131056, 400, "queued deferred", ""),
    (Meta, 131016, 503, "queued deferred", ""),
]


@pytest.mark.parametrize(
    ("provider", "code", "status", "end", "listed"),
    REFUSALS,
    indirect=["provider"],
    ids=[f"{kind.type}-{code}" for kind, code, *_ in REFUSALS],
)
def test_a_refusal_means_what_the_provider_documents(
    phones: Phones, provider: FakePhoneProvider, world: World, code: int, status: int, end: str, listed: str
) -> None:
    provider.script = [provider.refusal(code, "So it is", status)]
    run_id = phones.message("+15017122670")
    world.deliver()
    row = world.row(run_id)
    assert f"{row['word']} {row['reason']}" == end and "So it is" in row["error_message"]
    assert phones.listed() == ([(phones.channel.number, "+15017122670", listed)] if listed else [])
    assert phones.state[0] == "ok" and not provider.taken
    if row["reason"] == "session_closed":
        assert row["error_message"].startswith("WhatsApp takes free text only within 24 hours")
    exact(world)


PAUSES: list[tuple[type[FakePhoneProvider], int, int]] = [
    (Twilio, 21606, 400), (Twilio, 20404, 404), (TwilioWhatsapp, 63007, 400), (Vonage, 9, 200), (Vonage, 15, 200), (Vonage, 2, 401),
    (Meta, 10, 403), (Meta, 131042, 400), (Meta, 200, 403),
]  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "code", "status"),
    PAUSES,
    indirect=["provider"],
    ids=[f"{kind.type}-{code}" for kind, code, _ in PAUSES],
)
def test_what_is_about_the_account_holds_all_messages(
    phones: Phones, provider: FakePhoneProvider, world: World, code: int, status: int
) -> None:
    provider.script = [provider.refusal(code, "Not like this", status)]
    run_id = phones.message()
    world.deliver()
    assert phones.state[0] == "paused" and phones.ends(run_id)[0][0] == "queued" and not provider.taken


@only(Meta)
def test_a_phone_number_id_that_is_not_there_is_the_connectors_fault(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    provider.script = [provider.refusal(100, "Unsupported post request", 400, subcode=33)]
    phones.message()
    world.deliver()
    assert phones.state[0] == "paused"


@only(Vonage)
def test_a_message_of_which_some_parts_were_taken_is_uncertain(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    parts = (
        b'{"message-count":"2","messages":[{"status":"0","message-id":"0A"},{"status":"1","error-text":"Throttled"}]}'
    )
    provider.script = [Reply(200, parts), Reply(200, b"<html>Sign in</html>")]
    partly, strange = phones.message(), phones.message()
    world.deliver()
    assert phones.ends(partly, strange) == [("uncertain", "unconfirmed")] * 2
    words = {world.row(partly)["error_message"], world.row(strange)["error_message"]}
    assert any("Vonage took 1 of 2 parts" in text for text in words)


@only(Vonage)
def test_a_text_beyond_gsm_7_is_announced_as_unicode(phones: Phones, provider: FakePhoneProvider, world: World) -> None:
    phones.message(template=phones.saying("Zażółć gęślą jaźń"))
    world.deliver()
    assert provider.taken[0].text.startswith("Zażółć") and b"type=unicode" in provider.asked[0].body


@only(Meta)
def test_header_and_buttons_leave_as_documented(phones: Phones, provider: FakePhoneProvider, world: World) -> None:
    buttons = [{"type": "url", "value": "{{ event.thing }}"}, {"type": "none"}, {"type": "quick_reply", "value": "no"}]
    pictured = phones.saying(header="image", headerValue="https://example.com/{{ event.thing }}.png", buttons=buttons)
    named = phones.saying(
        "Hi {{first_name}}, {{ product }}!", name="named", variables=["{{ contact.first_name }}", " two \n lines "]
    )
    free = phones.saying("Hello {{ contact.first_name }}", kind="text")
    for template in (pictured, named, free):
        phones.message(template=template)
        world.deliver()
    picture, with_names, text = provider.taken
    assert picture.values["header"] == [{"type": "image", "image": {"link": "https://example.com/shoes.png"}}]
    assert picture.values["button0"] == [{"type": "text", "text": "shoes"}]
    assert picture.values["button2"] == [{"type": "payload", "payload": "no"}] and "button1" not in picture.values
    assert with_names.values["body"] == [
        {"type": "text", "parameter_name": "first_name", "text": "Zoé"},
        {"type": "text", "parameter_name": "product", "text": "two lines"},
    ]
    assert text.text == "Hello Zoé" and not text.template


@pytest.mark.parametrize(
    ("provider", "content", "words"),
    [
        (Meta, {"name": "", "contentSid": CONTENT_SID}, "no name at Meta"),
        (TwilioWhatsapp, {"name": NAME, "contentSid": ""}, "no Content SID"),
        (TwilioWhatsapp, {"header": "text", "headerValue": "x"}, "are variables like the others"),
        (Meta, {"header": "image", "headerValue": "http://example.com/a.png"}, "begin with https://"),
    ],
    indirect=["provider"],
)
def test_a_template_that_the_provider_cannot_send_is_an_error(
    phones: Phones, provider: FakePhoneProvider, world: World, content: dict[str, Any], words: str
) -> None:
    run_id = phones.message(template=phones.saying(**content))
    world.deliver()
    row = world.row(run_id)
    assert (row["word"], row["reason"]) == ("failed", "template_error") and words in row["error_message"]
    assert not provider.asked and phones.state[0] == "ok"


@only(Twilio)
def test_a_messaging_service_sends_in_place_of_a_number(
    phones: Phones, provider: FakePhoneProvider, world: World
) -> None:
    service = "MG" + "3c" * 16
    world.connectors("update", phones.connector, ConnectorChange(config={"sender": service}))
    phones.message()
    world.deliver()
    assert provider.taken[0].sender == service


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("twilio", {"sender": "a name that is too long"}, "config.sender"),
        ("twilio", {"accountSid": "AC1"}, "config.accountSid"),
        ("twilio", {"baseUrl": "http://api.example.com"}, "config.baseUrl"),
        ("twilio_whatsapp", {"sender": "Northlight"}, "config.sender"),
        ("vonage", {"sender": "????"}, "config.sender"),
        ("meta_whatsapp", {"phoneNumberId": "+1501712"}, "config.phoneNumberId"),
        ("meta_whatsapp", {"version": "23"}, "config.version"),
    ],
)
def test_settings_that_cannot_be_are_refused(world: World, kind: str, change: dict[str, str], field: str) -> None:
    fake = next(one for one in ALL if one.type == kind)("https://api.example.com")
    with pytest.raises(Invalid) as refused:
        world.connectors("create", NewConnector(name="X", type=kind, config={**fake.config(), **change}))
    assert [error["path"] for error in refused.value.errors] == [field]


def test_a_secret_goes_to_no_other_account(phones: Phones, provider: FakePhoneProvider, world: World) -> None:
    other = {
        "twilio": {"accountSid": "AC" + "1" * 32}, "twilio_whatsapp": {"accountSid": "AC" + "1" * 32},
        "vonage": {"apiKey": "other123"}, "meta_whatsapp": {"phoneNumberId": "999999999"},
    }  # fmt: skip
    for change in (other[provider.type], {"baseUrl": ""}):
        with pytest.raises(Invalid) as refused:
            world.connectors("update", phones.connector, ConnectorChange(config=change))
        kind = registry.connector_type(provider.type)
        assert refused.value.errors[0]["path"] == f"config.{kind.secret}"


def test_a_test_says_the_providers_exact_words(phones: Phones, provider: FakePhoneProvider, world: World) -> None:
    async def trial(session: Any, who: Any) -> Any:
        connector = await session.get(Connector, (world.tenant, UUID(str(phones.connector))))
        return await send_trial(session, who, connector, " +1 501 712 2661 ")

    assert world.by(trial).result == "sent"
    assert (
        provider.taken[0].text.startswith("This ") and "came through the connector “Phones”" in provider.taken[0].text
    )
    code, status = CREDENTIALS[provider.type]
    provider.script = [provider.refusal(code, "Authenticate yourself", status)]
    refused = world.by(trial)
    assert refused.result == "misconfigured" and "Authenticate yourself" in refused.message
    with pytest.raises(Invalid):
        world.by(lambda session, who: _to(session, who, world, phones.connector, "call me"))


async def _to(session: Any, who: Any, world: World, connector_id: UUID, to: str) -> Any:
    return await send_trial(session, who, await session.get(Connector, (world.tenant, connector_id)), to)
