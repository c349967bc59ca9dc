"""Providers of text messages on this machine: each checks a request as its documentation states it, and plays back what it answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.fixtures.http_server import Asked, Reply, json_reply, recording


@dataclass
class SentText:
    """A message as the provider understood it. `values`: those of a template, whose name is `template`."""

    sender: str
    recipient: str
    text: str = ""
    template: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    reference: str = ""
    report_to: str = ""


def form_of(asked: Asked) -> dict[str, str]:
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    pairs = parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), "no field twice"
    return dict(pairs)


def basic(asked: Asked) -> str:
    kind, _, pair = asked.headers["authorization"].partition(" ")
    assert kind == "Basic"
    return base64.b64decode(pair).decode()


class FakePhoneProvider:
    """`script` says what it does with the next requests: a reply, or None for one that it takes and is cut off before its answer."""

    type: str
    channel: str

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.taken: list[SentText] = []
        self.ids: list[str] = []
        self.faults: list[str] = []
        self.script: list[Reply | None] = []

    def config(self) -> dict[str, Any]:
        raise NotImplementedError

    def read(self, asked: Asked) -> SentText:
        raise NotImplementedError

    def took(self, number: int) -> Reply:
        raise NotImplementedError

    def refusal(self, code: int, words: str, status: int = 400, **more: Any) -> Reply:
        raise NotImplementedError

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        try:
            message = self.read(asked)
        except (AssertionError, KeyError, ValueError) as error:
            self.faults.append(repr(error))
            raise
        act = self.script.pop(0) if self.script else self
        if isinstance(act, Reply):
            return act
        self.taken.append(message)
        reply = self.took(len(self.taken))
        return Reply(cut=True) if act is None else reply


class Twilio(FakePhoneProvider):
    """https://www.twilio.com/docs/messaging/api/message-resource"""

    type, channel = "twilio", "sms"
    account, token, sender = "AC" + "0a" * 16, "f0" * 16, "+15017122661"

    def config(self) -> dict[str, Any]:
        return {"accountSid": self.account, "authToken": self.token, "sender": self.sender, "baseUrl": self.url}

    def read(self, asked: Asked) -> SentText:
        assert (asked.method, asked.path) == ("POST", f"/2010-04-01/Accounts/{self.account}/Messages.json")
        assert basic(asked) == f"{self.account}:{self.token}"
        fields = form_of(asked)
        known = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ContentSid", "ContentVariables"}
        assert set(fields) <= known and ("From" in fields) != ("MessagingServiceSid" in fields)
        assert ("Body" in fields) != ("ContentSid" in fields) and len(fields.get("Body", "")) <= 1600
        values = json.loads(fields.get("ContentVariables", "{}"))
        assert all(isinstance(one, str) and one for one in values.values())
        sender = fields.get("From") or fields["MessagingServiceSid"]
        return SentText(
            sender, fields["To"], fields.get("Body", ""), fields.get("ContentSid", ""), values,
            report_to=fields.get("StatusCallback", ""),
        )  # fmt: skip

    def took(self, number: int) -> Reply:
        self.ids.append(f"SM{number:032x}")
        return json_reply(
            {"account_sid": self.account, "api_version": "2010-04-01", "body": "…", "direction": "outbound-api", "error_code": None,
             "error_message": None, "num_media": "0", "num_segments": "1", "sid": self.ids[-1], "status": "queued"}, 201
        )  # fmt: skip

    def refusal(self, code: int, words: str, status: int = 400, **more: Any) -> Reply:
        body = {
            "code": code,
            "message": words,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }
        return json_reply(body, status, **more)


class TwilioWhatsapp(Twilio):
    type, channel = "twilio_whatsapp", "whatsapp"

    def read(self, asked: Asked) -> SentText:
        message = super().read(asked)
        assert message.sender.startswith("whatsapp:+") and message.recipient.startswith("whatsapp:+")
        return message


class Vonage(FakePhoneProvider):
    """https://developer.vonage.com/en/api/sms"""

    type, channel = "vonage", "sms"
    key, secret = "abcd1234", "aB3$secret"

    def config(self) -> dict[str, Any]:
        return {"apiKey": self.key, "apiSecret": self.secret, "sender": "Northlight", "baseUrl": self.url}

    def read(self, asked: Asked) -> SentText:
        assert (asked.method, asked.path) == ("POST", "/sms/json") and basic(asked) == f"{self.key}:{self.secret}"
        fields = form_of(asked)
        assert set(fields) <= {"from", "to", "text", "type", "client-ref", "callback"}
        assert fields["to"].isdigit() and len(fields["client-ref"]) <= 100
        beyond_gsm = any(one in fields["text"] for one in "ąż“”’—😀")
        assert beyond_gsm == (fields.get("type") == "unicode"), "else the carrier puts a question mark in its place"
        return SentText(
            fields["from"],
            fields["to"],
            fields["text"],
            reference=fields["client-ref"],
            report_to=fields.get("callback", ""),
        )

    def took(self, number: int) -> Reply:
        self.ids.append(f"0C0000{number:010X}")
        part = {"to": self.taken[-1].recipient, "message-id": self.ids[-1], "status": "0", "remaining-balance": "3.1",
                "message-price": "0.03", "network": "12345", "client-ref": self.taken[-1].reference}  # fmt: skip
        return json_reply({"message-count": "1", "messages": [part]})

    def refusal(self, code: int, words: str, status: int = 200, **more: Any) -> Reply:
        return json_reply(
            {"message-count": "1", "messages": [{"status": str(code), "error-text": words}]}, status, **more
        )


class Meta(FakePhoneProvider):
    """https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates"""

    type, channel = "meta_whatsapp", "whatsapp"
    number, token = "106540352242922", "EAAJB0000"

    def config(self) -> dict[str, Any]:
        return {"phoneNumberId": self.number, "accessToken": self.token, "version": "v23.0", "baseUrl": self.url}

    def read(self, asked: Asked) -> SentText:
        assert (asked.method, asked.path) == ("POST", f"/v23.0/{self.number}/messages")
        assert (
            asked.headers["authorization"] == f"Bearer {self.token}"
            and asked.headers["content-type"] == "application/json"
        )
        message = asked.json
        assert set(message) <= {
            "messaging_product",
            "recipient_type",
            "to",
            "type",
            "template",
            "text",
            "biz_opaque_callback_data",
        }
        assert (message["messaging_product"], message["recipient_type"]) == ("whatsapp", "individual")
        reference = message["biz_opaque_callback_data"]
        assert len(reference) <= 512
        if message["type"] == "text":
            assert 0 < len(message["text"]["body"]) <= 4096
            return SentText(self.number, message["to"], message["text"]["body"], reference=reference)
        template = message["template"]
        assert set(template) <= {"name", "language", "components"} and set(template["language"]) == {"code"}
        values: dict[str, Any] = {"language": template["language"]["code"]}
        for component in template.get("components", []):
            assert component["type"] in ("header", "body", "button") and component["parameters"]
            for parameter in component["parameters"]:
                assert parameter["type"] in parameter and parameter[parameter["type"]], (
                    "its value stands under its type"
                )
                if parameter["type"] == "text":
                    assert (
                        "\n" not in parameter["text"]
                        and "\t" not in parameter["text"]
                        and "     " not in parameter["text"]
                    )
            if component["type"] == "button":
                assert component["sub_type"] in ("url", "quick_reply", "copy_code") and component["index"].isdigit()
            place = component["type"] + component.get("index", "")
            values[place] = component["parameters"]
        return SentText(self.number, message["to"], "", template["name"], values, reference)

    def took(self, number: int) -> Reply:
        self.ids.append(f"wamid.HBgLMTY1MDM4{number:06}")
        to = self.taken[-1].recipient
        return json_reply(
            {"messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to.removeprefix("+")}],
             "messages": [{"id": self.ids[-1], "message_status": "accepted"}]}
        )  # fmt: skip

    def refusal(self, code: int, words: str, status: int = 400, **more: Any) -> Reply:
        details = {"messaging_product": "whatsapp", "details": f"{words}, in detail."}
        subcode = {"error_subcode": more.pop("subcode")} if "subcode" in more else {}
        error = {"message": f"(#{code}) {words}", "type": "OAuthException", "code": code, **subcode, "error_data": details,
                 "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam"}  # fmt: skip
        return json_reply({"error": error}, status, **more)


@contextmanager
def listening(kind: type[FakePhoneProvider]) -> Iterator[FakePhoneProvider]:
    with recording() as recorder:
        provider = kind(recorder.url)
        recorder.answer = provider.answer
        yield provider
        assert provider.faults == []
