"""What Twilio, Vonage and Meta tell of messages: signatures, deliveries, failures, replies, STOP and START, each once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pytest

from app.connectors.callback_address import callback_url
from app.connectors.schemas import ConnectorChange
from app.domain_events.types import ReplyData
from app.lib import clock
from app.messaging.channels import opt_words
from app.messaging.channels.opt_words import opt_word
from app.messaging.channels.reports import NotVerified
from app.messaging.channels.twilio_reports import twilio_signature
from tests.callbacks.conftest import KINDS, call
from tests.messaging.phone_providers.fake import FakePhoneProvider, Meta, Twilio, TwilioWhatsapp, Vonage, listening
from tests.messaging.phone_providers.phones import Phones
from tests.messaging.world import World

NUMBER = "+15017122661"
APP_SECRET, SIGNATURE_SECRET = "app-secret", "signature-secret"


class Reporter:
    """A provider that tells what became of a message, signed as it documents. `status`: delivered, read, failed or gone."""

    def __init__(self, phones: Phones) -> None:
        self.phones, self.world = phones, phones.world
        self.url = callback_url(self.world.tenant, phones.connector)
        self.count = 0

    def sent(self, number: str = NUMBER) -> UUID:
        """The run of a message that the provider took."""
        run_id = self.phones.message(number)
        self.world.deliver()
        assert self.world.row(run_id)["word"] == "sent"
        return run_id

    def tell(self, status: str, run_id: UUID) -> str:
        raise NotImplementedError

    def write(self, text: str, number: str = NUMBER, key: str = "") -> str:
        """Somebody writes to our number."""
        raise NotImplementedError

    def forge(self) -> str:
        """A call that somebody else signed."""
        raise NotImplementedError

    def reports(self, run_id: UUID) -> list[str]:
        rows = self.world.db.execute("select kind from message_reports where run_id = %s order by kind", (run_id,))
        return [KINDS[kind] for (kind,) in rows.fetchall()]

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return self.world.db.execute("select name, properties from events order by id").fetchall()

    def key(self, key: str) -> str:
        self.count += 1
        return key or f"in-{self.count}"


class TwilioReporter(Reporter):
    prefix = ""

    def post(self, fields: dict[str, str], token: str = Twilio.token) -> str:
        text = self.url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        signature = base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return call(self.url, urlencode(fields).encode(), headers)

    def tell(self, status: str, run_id: UUID, token: str = Twilio.token) -> str:
        words = {
            "delivered": ("delivered", ""),
            "read": ("read", ""),
            "failed": ("undelivered", "30003"),
            "gone": ("undelivered", "30005"),
        }
        name, code = words[status]
        sid = self.world.row(run_id)["provider_id"]
        fields = {"AccountSid": Twilio.account, "ApiVersion": "2010-04-01", "From": f"{self.prefix}{Twilio.sender}", "MessageSid": sid,
                  "MessageStatus": name, "SmsSid": sid, "SmsStatus": name, "To": f"{self.prefix}{NUMBER}"}  # fmt: skip
        return self.post({**fields, "ErrorCode": code} if code else fields, token)

    def write(self, text: str, number: str = NUMBER, key: str = "") -> str:
        sid = self.key(key)
        return self.post(
            {"AccountSid": Twilio.account, "Body": text, "From": f"{self.prefix}{number}", "MessageSid": sid, "NumMedia": "0",
             "NumSegments": "1", "SmsMessageSid": sid, "SmsSid": sid, "SmsStatus": "received", "To": f"{self.prefix}{Twilio.sender}"}
        )  # fmt: skip

    def forge(self) -> str:
        return self.post({"MessageSid": "SM1", "MessageStatus": "delivered"}, token="another")


class TwilioWhatsappReporter(TwilioReporter):
    prefix = "whatsapp:"


class VonageReporter(Reporter):
    def post(self, fields: dict[str, str], secret: str = SIGNATURE_SECRET, way: str = "json") -> str:
        fields = {**fields, "timestamp": str(int(clock.now().timestamp())), "nonce": "d1f0"}
        clean = {name: value.replace("&", "_").replace("=", "_") for name, value in fields.items()}
        text = "".join(f"&{name}={clean[name]}" for name in sorted(clean))
        signed = {**fields, "sig": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()}
        if way == "json":
            return call(self.url, signed, {"content-type": "application/json"})
        return call(self.url, urlencode(signed).encode(), {"content-type": "application/x-www-form-urlencoded"})

    def tell(self, status: str, run_id: UUID) -> str:
        name, code = {"delivered": ("delivered", "0"), "failed": ("failed", "2"), "gone": ("failed", "9")}[status]
        fields = {"msisdn": NUMBER[1:], "to": "Northlight", "network-code": "12345", "messageId": self.world.row(run_id)["provider_id"],
                  "price": "0.03", "status": name, "scts": "2601011200", "err-code": code, "api-key": Vonage.key,
                  "client-ref": f"{run_id}-2", "message-timestamp": "2026-01-01 12:00:00"}  # fmt: skip
        return self.post(fields, way="form")

    def write(self, text: str, number: str = NUMBER, key: str = "") -> str:
        return self.post(
            {"api-key": Vonage.key, "msisdn": number[1:], "to": "447700900001", "messageId": self.key(key), "text": text, "type": "text",
             "keyword": text.upper().split(" ")[0], "message-timestamp": "2026-01-01 12:01:00"}
        )  # fmt: skip

    def forge(self) -> str:
        return self.post({"messageId": "0A", "status": "delivered"}, secret="another")


class MetaReporter(Reporter):
    def post(self, value: dict[str, Any], secret: str = APP_SECRET) -> str:
        about = {"display_phone_number": "15550783881", "phone_number_id": Meta.number}
        change = {"value": {"messaging_product": "whatsapp", "metadata": about, **value}, "field": "messages"}
        body = json.dumps(
            {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}
        ).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return call(self.url, body, {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"})

    def tell(self, status: str, run_id: UUID) -> str:
        error = {
            "code": 131026,
            "title": "Message undeliverable",
            "message": "Message undeliverable",
            "error_data": {"details": "No."},
        }
        entry = {"id": self.world.row(run_id)["provider_id"], "status": status, "timestamp": "1767268800", "recipient_id": NUMBER[1:],
                 "biz_opaque_callback_data": f"{run_id}-2"}  # fmt: skip
        return self.post({"statuses": [{**entry, "errors": [error]} if status == "failed" else entry]})

    def write(self, text: str, number: str = NUMBER, key: str = "", answers: str = "") -> str:
        message = {
            "from": number[1:],
            "id": self.key(key),
            "timestamp": "1767268860",
            "type": "text",
            "text": {"body": text},
        }
        context = {"context": {"from": "15550783881", "id": answers}} if answers else {}
        return self.post({"contacts": [{"wa_id": number[1:]}], "messages": [{**message, **context}]})

    def forge(self) -> str:
        return self.post({"statuses": []}, secret="another")


REPORTERS: list[tuple[type[FakePhoneProvider], type[Reporter], dict[str, str]]] = [
    (Twilio, TwilioReporter, {}),
    (TwilioWhatsapp, TwilioWhatsappReporter, {}),
    (Vonage, VonageReporter, {"signatureSecret": SIGNATURE_SECRET, "signatureMethod": "sha256"}),
    (Meta, MetaReporter, {"appSecret": APP_SECRET}),
]


@pytest.fixture(params=REPORTERS, ids=lambda one: one[0].type)
def reporter(request: pytest.FixtureRequest, world: World) -> Iterator[Reporter]:
    provider_type, kind, config = request.param
    with listening(provider_type) as provider:
        phones = Phones(world, provider)
        if config:
            world.connectors("update", phones.connector, ConnectorChange(config=config))
        yield kind(phones)


only_meta = pytest.mark.parametrize("reporter", REPORTERS[3:], indirect=True, ids=["meta_whatsapp"])
only_twilio = pytest.mark.parametrize("reporter", REPORTERS[:1], indirect=True, ids=["twilio"])


def test_what_became_of_a_message_is_told_once(reporter: Reporter, world: World) -> None:
    run_id = reporter.sent()
    for status in ("delivered", "delivered"):
        assert reporter.tell(status, run_id) == ""
    assert reporter.reports(run_id) == ["delivered"]
    (event,) = reporter.events()
    assert event[0] == "message.delivered" and event[1]["channel"] == reporter.phones.channel.type
    assert event[1]["messageId"] == f"{run_id}-2" and reporter.phones.listed() == []


def test_a_failure_says_why(reporter: Reporter, world: World) -> None:
    run_id = reporter.sent()
    reporter.tell("failed", run_id)
    (event,) = reporter.events()
    assert event[0] == "message.bounced" and event[1]["lasting"] is False and event[1]["detail"]
    assert reporter.phones.listed() == [], "it may be reached another time"


def test_a_number_that_is_none_is_not_written_to_again(reporter: Reporter, world: World) -> None:
    if reporter.phones.provider.type == "meta_whatsapp":
        pytest.skip("Meta does not say that a number is gone")
    run_id = reporter.sent()
    reporter.tell("gone", run_id)
    assert reporter.phones.listed() == [(reporter.phones.channel.number, NUMBER, "bounced")]
    again = reporter.phones.message(NUMBER)
    world.deliver()
    assert reporter.phones.ends(again) == [("suppressed", "bounced")]


def test_a_call_that_somebody_else_signed_does_nothing(reporter: Reporter, world: World) -> None:
    with pytest.raises(NotVerified):
        reporter.forge()
    with pytest.raises(NotVerified):
        call(reporter.url, b"{}", {"content-type": "application/json"})
    assert reporter.events() == []


def fits_reply(properties: dict[str, Any]) -> None:
    """Other programs read it by the schema of its type, and there is nothing that the schema does not know."""
    who = {"id": str(UUID(int=1)), "externalId": None, "email": None}
    reply = msgspec.convert({**properties, "contact": who}, ReplyData)
    assert properties.keys() <= msgspec.to_builtins(reply).keys()


def test_a_reply_is_an_event_of_the_contact_who_has_the_number(reporter: Reporter, world: World) -> None:
    run_id = reporter.sent()
    reporter.write("Yes & please =)", key="one")
    reporter.write("Yes & please =)", key="one")
    reporter.write("Thanks", key="two")
    reporter.write("Who is this?", number="+15017129999")
    events = reporter.events()
    assert [(name, properties["text"]) for name, properties in events] == [
        ("message.replied", "Yes & please =)"), ("message.replied", "Thanks"),
    ]  # fmt: skip
    assert {properties["messageId"] for _, properties in events} == {f"{run_id}-2"}
    for _, properties in events:
        fits_reply(properties)
    assert reporter.reports(run_id) == ["replied", "replied"]
    assert world.value("select count(*) from inbox where name = 'message.replied'") == 2, "flows hear of them"


def test_a_reply_of_somebody_whom_we_never_wrote_is_an_event_too(reporter: Reporter, world: World) -> None:
    world.db.execute("update contacts set phone = %s where id = %s", (NUMBER, world.contact("ada@example.com")))
    reporter.write("Hello?", key="one")
    reporter.write("Hello?", key="one")
    ((name, properties),) = reporter.events()
    assert (name, properties["text"]) == ("message.replied", "Hello?") and "messageId" not in properties
    fits_reply(properties)


def test_stop_ends_messages_of_the_channel_and_start_begins_them_again(reporter: Reporter, world: World) -> None:
    reporter.sent()
    reporter.write(" Stop. ")
    word, number = reporter.phones.channel.type, reporter.phones.channel.number
    assert reporter.phones.listed() == [(number, NUMBER, "unsubscribed")]
    assert world.value("select consent from contacts where phone = %s", NUMBER) == {word: False}
    assert [name for name, _ in reporter.events()] == ["contact.unsubscribed", "message.replied"]
    stopped = reporter.phones.message(NUMBER, payload={"class": "transactional"})
    world.deliver()
    assert reporter.phones.ends(stopped) == [("suppressed", "unsubscribed")]
    reporter.write("unstop")
    assert world.value("select count(*) from suppressions where lifted_at is null") == 0
    consents = world.db.execute("select consent from contacts where phone = %s", (NUMBER,)).fetchall()
    assert [consent for (consent,) in consents] == [{word: True}] * 2, "both who share the number"
    told = [(name, properties.get("channel")) for name, properties in reporter.events()]
    assert told[2:] == [("contact.resubscribed", word)] * 2 + [("message.replied", word)]


def test_stop_of_a_number_that_nobody_has_holds_for_whoever_gets_it(reporter: Reporter, world: World) -> None:
    reporter.write("STOP", number="+15017128888")
    assert reporter.phones.listed() == [(reporter.phones.channel.number, "+15017128888", "unsubscribed")]
    reporter.write("START", number="+15017128888")
    assert world.value("select count(*) from suppressions where lifted_at is null") == 0 and reporter.events() == []


@only_meta
def test_meta_asks_first_whether_the_address_is_ours(reporter: Reporter, world: World) -> None:
    query = f"hub.mode=subscribe&hub.verify_token={Meta.number}&hub.challenge=1158201444"
    assert call(f"{reporter.url}?{query}", method="GET") == "1158201444"
    with pytest.raises(NotVerified):
        call(f"{reporter.url}?{query.replace(Meta.number, '1')}", method="GET")


@only_meta
def test_a_reply_that_quotes_a_message_is_about_that_one(reporter: Reporter, world: World) -> None:
    assert isinstance(reporter, MetaReporter)
    first = reporter.sent()
    world.db.execute("update contacts set phone = null where phone = %s", (NUMBER,))
    person = world.row(first)["contact_id"]
    world.db.execute("update contacts set phone = %s where id = %s", (NUMBER, person))
    later = world.message(person, template_id=reporter.phones.template)
    world.db.execute("update messages set channel = %s where run_id = %s", (reporter.phones.channel.number, later))
    world.deliver()
    reporter.write("About the first", answers=world.row(first)["provider_id"])
    reporter.write("About the latest")
    assert (reporter.reports(first), reporter.reports(later)) == (["replied"], ["replied"])


@only_meta
def test_statuses_of_another_number_of_the_app_are_left_out(reporter: Reporter, world: World) -> None:
    assert isinstance(reporter, MetaReporter)
    run_id = reporter.sent()
    entry = {
        "id": "wamid.1",
        "status": "delivered",
        "timestamp": "1767268800",
        "biz_opaque_callback_data": f"{run_id}-2",
    }
    reporter.post({"metadata": {"phone_number_id": "999"}, "statuses": [entry]})
    reporter.post({"statuses": [{"status": "read"}, {**entry, "status": "read"}]})
    assert reporter.reports(run_id) == ["opened"], "one bad entry does not lose the others"


@only_twilio
def test_twilio_is_told_where_to_report_when_it_can_reach_us(
    reporter: Reporter, world: World, monkeypatch: Any
) -> None:
    reporter.sent()
    assert reporter.phones.provider.taken[0].report_to == "", "this machine is no address for Twilio"


def test_twilios_own_example_of_a_signature() -> None:
    fields = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234"), ("From", "+14158675309"),
              ("To", "+18005551212")]  # fmt: skip
    assert (
        twilio_signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", fields)
        == b"RSOYDt4T1cUTdK1PDd93/VVr8B8="
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [("STOP", "stop"), (" stop! ", "stop"), ("Opt  out", "stop"), ("START", "start"), ("Unstop", "start"), ("Stop by at 5", ""), ("", ""),
     ("yes", ""), ("STOPP", "stop"), ("Arrêt", "stop"), ("ARRET", "stop"), ("arre\u0302t", "stop"), ("¡BAJA!", "stop"), ("parar", "stop"),
     ("Cancelar suscripción.", "stop"), ("kündigen", "stop"), ("Kuendigen", ""), ("rezygnuję", "stop"), ("REZYGNUJE", "stop"),
     ("afmelden 🙏", "stop"), ("ＳＴＯＰ", "stop"), ("st\u200bop", "stop"), ("«stop»", "stop"), ("s-t-o-p", ""), ("stop stop", ""),
     ("wznów", "start"), ("WZNOW", "start"), ("Démarrer", "start"), ("¿alta?", "start"), ("começar", "start"), ("HELP", ""), ("info", ""),
     ("Hilfe", ""), ("ende", ""), ("fin", ""), ("non", ""), ("stop" * 99, ""), ("...", ""), ("🛑", "")],
)  # fmt: skip
def test_only_a_reply_of_the_word_alone_stops(text: str, word: str) -> None:
    assert opt_word(text) == word


def test_no_word_both_stops_and_begins_again() -> None:
    for words, meaning in ((opt_words.STOP, "stop"), (opt_words.START, "start"), (opt_words.HELP, "")):
        assert {opt_word(word) for group in words.values() for word in group} == {meaning}


@pytest.mark.parametrize(
    ("word", "fault"),
    [("nix mehr", ""), ("Lopeta", ""), ("start", "begins messages again"), ("Démarrer", "begins messages again"),
     ("aide", "asks for help"), ("!!", "letters or digits"), ("x" * 41, "40 characters")],
)  # fmt: skip
def test_a_workspace_cannot_make_every_word_stop(word: str, fault: str) -> None:
    assert fault in opt_words.word_fault(word) and bool(fault) == bool(opt_words.word_fault(word))


def test_further_words_of_a_workspace_stop_besides_those_that_always_do(reporter: Reporter, world: World) -> None:
    world.db.execute(
        'update workspaces set settings = settings || \'{"stopWords": ["No más"]}\' where id = %s', (world.tenant,)
    )
    reporter.sent()
    reporter.write("no more")
    assert reporter.phones.listed() == []
    reporter.write("NO MAS!")
    assert reporter.phones.listed() == [(reporter.phones.channel.number, NUMBER, "unsubscribed")]
    reporter.write("start")
    reporter.write("arret")
    assert world.value("select count(*) from suppressions where lifted_at is null") == 1
    reporter.write("Ayuda")
    assert reporter.events()[-1][1]["text"] == "Ayuda", "recorded as a reply"
