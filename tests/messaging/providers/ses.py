"""Amazon SES as the reference of its API v2 documents it: `POST /v2/email/outbound-emails`, signed with Signature Version 4.

The signature is made anew from what arrived, by a second reading of the rules, and compared.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from tests.fixtures.http_server import Asked, Reply, json_reply
from tests.messaging.providers.mailgun import taken_from
from tests.messaging.providers.provider import FakeProvider, Taken

ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REFUSALS = {
    "key": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "sender": (400, "MessageRejected", "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1:"
               " shop@example.com, ann@elsewhere.example"),
    "address": (400, "BadRequestException", "Illegal address"),
    "content": (400, "MessageRejected", "Message contains a virus."),
    "limit": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "limit 120": (429, "TooManyRequestsException", "Daily message quota exceeded."),
    "down": (500, "InternalServiceErrorException", "We encountered an internal error."),
}  # fmt: skip


class Ses(FakeProvider):
    type, secret, bad_address = "ses", SECRET, "address_refused"
    waits = (850, 990)

    def config(self) -> dict[str, Any]:
        return {"accessKeyId": ACCESS, "secretAccessKey": SECRET, "region": "eu-central-1", "fromEmail": "shop@example.com",
                "fromName": "The Shop", "configurationSet": "reports", "baseUrl": self.url}  # fmt: skip

    def signed_in(self, asked: Asked) -> bool:
        kind, _, proof = asked.headers.get("authorization", "").partition(" ")
        if kind != "AWS4-HMAC-SHA256":
            return False
        parts = dict(part.split("=", 1) for part in proof.split(", "))
        access, day, region, service, end = parts["Credential"].split("/")
        names = parts["SignedHeaders"].split(";")
        assert {"host", "x-amz-date", "content-type"} <= set(names) and names == sorted(names)
        assert (region, service, end) == ("eu-central-1", "ses", "aws4_request")
        time = asked.headers["x-amz-date"]
        assert time.startswith(day)
        lines = [asked.method, asked.path, "", *(f"{name}:{asked.headers[name]}" for name in names), "", ";".join(names),
                 hashlib.sha256(asked.body).hexdigest()]  # fmt: skip
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", time, f"{day}/{region}/{service}/{end}", digest])

        def sign(key: bytes, message: str) -> bytes:
            return hmac.new(key, message.encode(), hashlib.sha256).digest()

        key = sign(sign(sign(sign(f"AWS4{SECRET}".encode(), day), region), service), end)
        return access == ACCESS and parts["Signature"] == sign(key, text).hex()

    def read(self, asked: Asked) -> Taken:
        assert (asked.method, asked.path) == ("POST", "/v2/email/outbound-emails")
        assert asked.headers["content-type"] == "application/json"
        mail = asked.json
        assert set(mail) <= {"FromEmailAddress", "Destination", "Content", "EmailTags", "ConfigurationSetName"}
        assert mail["ConfigurationSetName"] == "reports" and list(mail["Destination"]) == ["ToAddresses"]
        (to,) = mail["Destination"]["ToAddresses"]
        tags = {tag["Name"]: tag["Value"] for tag in mail.get("EmailTags", [])}
        assert all(char.isalnum() or char in "_-.@" for value in tags.values() for char in value)
        taken = taken_from(base64.b64decode(mail["Content"]["Raw"]["Data"]), tags.get("throughline", ""), to)
        assert taken.sender == mail["FromEmailAddress"]
        return taken

    def took(self, number: int) -> Reply:
        self.ids.append(f"0107018d{number:08}-5b1f6e32-0000-4000-8000-000000000000-000000")
        return json_reply({"MessageId": self.ids[-1]})

    def refuses(self, act: str) -> Reply:
        if act == "between":
            return Reply(504, b"", {})
        status, error, message = REFUSALS[act]
        reply = json_reply({"message": message}, status)
        reply.headers["x-amzn-ErrorType"] = f"{error}:http://internal.amazon.com/coral/"
        return reply
