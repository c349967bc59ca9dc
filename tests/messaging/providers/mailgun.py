"""Mailgun as its reference documents it: a form with a whole mail for `/v3/{domain}/messages.mime`, basic authentication as `api`."""

from __future__ import annotations

import base64
import email
import email.policy
from email.message import EmailMessage
from typing import Any

from tests.fixtures.http_server import Asked, Reply, json_reply
from tests.messaging.providers.provider import FakeProvider, Taken

KEY = "key-0123456789abcdef0123456789abcdef"
REFUSALS = {
    "address": (400, "'to' parameter is not a valid address. please check documentation"),
    "content": (400, "Message size exceeds the limit"),
    "limit": (429, "Too many requests"),
    "limit 120": (429, "Too many requests"),
    "down": (500, "Internal Server Error"),
}


def parts_of(mail: EmailMessage) -> tuple[str, str]:
    """HTML and text of a whole mail."""
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    return html.get_content() if html else "", text.get_content() if text else ""


def taken_from(raw: bytes, reference: str, to: str) -> Taken:
    """A whole mail as a provider reads it."""
    mail = email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)
    assert not list(mail.iter_attachments()) and b"\n" not in raw.replace(b"\r\n", b"")
    html, text = parts_of(mail)
    headers = {name: str(value) for name, value in mail.items()}
    assert headers["To"] == to
    return Taken(reference, headers["From"], to, headers["Subject"], html, text, headers, headers.get("Reply-To", ""))


class Mailgun(FakeProvider):
    type, secret, bad_address, judges_sender = "mailgun", KEY, "address_refused", False

    def config(self) -> dict[str, Any]:
        return {"apiKey": KEY, "domain": "mg.example.com", "fromEmail": "shop@example.com", "fromName": "The Shop",
                "signingKey": "webhook-key", "baseUrl": self.url}  # fmt: skip

    def signed_in(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Basic {base64.b64encode(f'api:{KEY}'.encode()).decode()}"

    def read(self, asked: Asked) -> Taken:
        assert (asked.method, asked.path) == ("POST", "/v3/mg.example.com/messages.mime")
        assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
        boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
        assert asked.body.endswith(b"\r\n--" + boundary + b"--\r\n")
        fields: dict[str, bytes] = {}
        for part in asked.body.split(b"--" + boundary + b"\r\n")[1:]:
            head, _, value = part.partition(b"\r\n\r\n")
            name = head.split(b'name="')[1].split(b'"')[0].decode()
            fields[name] = value.removesuffix(b"--" + boundary + b"--\r\n").removesuffix(b"\r\n")
        assert set(fields) <= {"to", "message", "v:throughline"} and "message" in fields
        return taken_from(fields["message"], fields.get("v:throughline", b"").decode(), fields["to"].decode())

    def took(self, number: int) -> Reply:
        self.ids.append(f"2026030107{number:06}.000be97f99f8cea1@mg.example.com")
        return json_reply({"id": f"<{self.ids[-1]}>", "message": "Queued. Thank you."})

    def refuses(self, act: str) -> Reply:
        if act == "key":
            return Reply(401, b"Invalid private key", {"Content-Type": "text/plain"})
        if act == "between":
            return Reply(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})
        status, message = REFUSALS[act]
        reply = json_reply({"message": message}, status)
        if act == "limit 120":
            reply.headers["Retry-After"] = "120"
        return reply
