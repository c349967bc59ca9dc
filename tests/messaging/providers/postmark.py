"""Postmark as https://postmarkapp.com/developer documents it: `POST /email`, `X-Postmark-Server-Token`, error codes in the body."""

from __future__ import annotations

from typing import Any

from tests.fixtures.http_server import Asked, Reply, json_reply
from tests.messaging.providers.provider import FakeProvider, Taken

TOKEN = "3f0c2b1a-7d6e-4f5a-8b9c-0d1e2f3a4b5c"
FIELDS = {
    "From", "To", "Cc", "Bcc", "Subject", "Tag", "HtmlBody", "TextBody", "ReplyTo", "Headers", "TrackOpens", "TrackLinks",
    "Metadata", "Attachments", "MessageStream",
}  # fmt: skip
REFUSALS = {
    "key": (401, 10, "No Account or Server API tokens were supplied in the HTTP headers."),
    "sender": (422, 400, "The 'From' address you supplied is not a Sender Signature on your account."),
    "address": (
        422, 406, "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: zoe@example.com.",
    ),
    "content": (422, 300, "Error parsing 'To': Illegal email domain 'example' in address 'zoe@example'."),
    "account": (422, 405, "You ran out of credits."),
    "limit": (429, 429, "Rate limit exceeded."),
    "limit 120": (429, 429, "Rate limit exceeded."),
    "down": (500, 0, "There is a problem with our servers."),
}  # fmt: skip


class Postmark(FakeProvider):
    type, secret = "postmark", TOKEN

    def config(self) -> dict[str, Any]:
        return {"serverToken": TOKEN, "fromEmail": "shop@example.com", "fromName": "The Shop", "stream": "outbound",
                "baseUrl": self.url}  # fmt: skip

    def signed_in(self, asked: Asked) -> bool:
        return asked.headers.get("x-postmark-server-token") == TOKEN

    def read(self, asked: Asked) -> Taken:
        assert (asked.method, asked.path) == ("POST", "/email")
        assert asked.headers["content-type"] == asked.headers["accept"] == "application/json"
        mail = asked.json
        assert set(mail) <= FIELDS and "Attachments" not in mail, set(mail) - FIELDS
        assert mail["MessageStream"] == "outbound" and (mail.get("HtmlBody") or mail.get("TextBody"))
        headers = {header["Name"]: header["Value"] for header in mail["Headers"]}
        assert len(headers) == len(mail["Headers"]) and headers["X-PM-KeepID"] == "true"
        metadata = mail.get("Metadata", {})
        assert all(len(name) <= 20 and len(value) <= 80 for name, value in metadata.items())
        return Taken(
            metadata.get("throughline", ""), mail["From"], mail["To"], mail["Subject"], mail.get("HtmlBody", ""),
            mail.get("TextBody", ""), headers, mail.get("ReplyTo", ""),
        )  # fmt: skip

    def took(self, number: int) -> Reply:
        self.ids.append(f"b7bc2f4a-e38e-4336-af7d-{number:012}")
        return json_reply(
            {
                "To": self.taken[-1].recipient,
                "SubmittedAt": "2026-03-01T07:25:01.4178645-05:00",
                "MessageID": self.ids[-1],
                "ErrorCode": 0,
                "Message": "OK",
            }
        )

    def refuses(self, act: str) -> Reply:
        if act == "between":
            return Reply(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})
        status, code, message = REFUSALS[act]
        reply = json_reply({"ErrorCode": code, "Message": message}, status)
        if act == "limit 120":
            reply.headers["Retry-After"] = "120"
        return reply
