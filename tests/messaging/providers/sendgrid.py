"""SendGrid as its v3 reference documents it: `POST /v3/mail/send`, a bearer key, 202 with X-Message-Id, errors as a list."""

from __future__ import annotations

import time
from typing import Any

from tests.fixtures.http_server import Asked, Reply, json_reply
from tests.messaging.providers.provider import FakeProvider, Taken

KEY = "SG.tEsTkEy.0123456789abcdefghijklmnopqrstuvwxyz"
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from", "subject",
    "reply-to", "cc", "bcc",
}  # fmt: skip
REFUSALS: dict[str, tuple[int, str, str | None]] = {
    "key": (401, "The provided authorization grant is invalid, expired, or revoked", None),
    "sender": (403, "The from address does not match a verified Sender Identity.", "from"),
    "address": (400, "Does not contain a valid address.", "personalizations.0.to.0.email"),
    "content": (400, "The content value must be a string at least one character in length.", "content.0.value"),
    "limit": (429, "too many requests", None),
    "limit 120": (429, "too many requests", None),
    "down": (500, "An error occurred on a SendGrid server.", None),
}


class SendGrid(FakeProvider):
    type, secret, bad_address = "sendgrid", KEY, "address_refused"

    def config(self) -> dict[str, Any]:
        return {"apiKey": KEY, "fromEmail": "shop@example.com", "fromName": "The Shop", "baseUrl": self.url}

    def signed_in(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {KEY}"

    def read(self, asked: Asked) -> Taken:
        assert (asked.method, asked.path) == ("POST", "/v3/mail/send")
        assert asked.headers["content-type"] == "application/json"
        mail = asked.json
        assert {"personalizations", "from", "subject", "content"} <= set(mail) and "attachments" not in mail
        (person,) = mail["personalizations"]
        (to,) = person["to"]
        kinds = [part["type"] for part in mail["content"]]
        assert kinds in (["text/plain", "text/html"], ["text/plain"], ["text/html"]), "plain first"
        assert all(part["value"] for part in mail["content"])
        assert not RESERVED & {name.lower() for name in mail["headers"]}
        by_kind = {part["type"]: part["value"] for part in mail["content"]}
        name = mail["from"].get("name", "")
        shown = f'"{name}"' if any(char in name for char in ",:;.@") else name
        sender = f"{shown} <{mail['from']['email']}>" if name else mail["from"]["email"]
        return Taken(
            mail.get("custom_args", {}).get("throughline", ""), sender, to["email"], mail["subject"], by_kind.get("text/html", ""),
            by_kind.get("text/plain", ""), mail["headers"], mail.get("reply_to", {}).get("email", ""),
        )  # fmt: skip

    def took(self, number: int) -> Reply:
        self.ids.append(f"sGmEsSaGe{number}")
        return Reply(202, b"", {"X-Message-Id": self.ids[-1]})

    def refuses(self, act: str) -> Reply:
        if act == "between":
            return Reply(504, b"upstream request timeout", {"Content-Type": "text/plain"})
        status, message, field = REFUSALS[act]
        reply = json_reply({"errors": [{"message": message, "field": field, "help": None}]}, status)
        if act == "limit 120":
            reply.headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 120)}
        return reply
