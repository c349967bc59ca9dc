"""Push services on this machine: each checks a request as its documentation states it, and plays back what it answers.

`Firebase` also gives out access tokens, for an assertion that it verifies. `PushService` opens what it gets with the browser's own key.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import http_ece
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from py_vapid import Vapid02

from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording

PROJECT, EMAIL, KEY_ID = "northlight-app", "push@northlight-app.iam.gserviceaccount.com", "f00d"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def error_reply(status: int, word: str, code: str = "", words: str = "It was refused.", **more: Any) -> Reply:
    """An error as https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode has it."""
    details: list[dict[str, Any]] = list(more.pop("details", ()))
    if code:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    reply = json_reply({"error": {"code": status, "message": words, "status": word, "details": details}}, status)
    reply.headers.update(more.pop("headers", {}))
    return reply


@dataclass
class Firebase:
    """`script`: by token of a device, what it answers next; None: it takes the message and hangs up."""

    recorder: Recorder
    messages: list[dict[str, Any]] = field(default_factory=list)
    script: dict[str, list[Reply | None]] = field(default_factory=dict)
    token_script: list[Reply] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def config(self, **more: Any) -> dict[str, Any]:
        pem = rsa_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account", "project_id": PROJECT, "private_key_id": KEY_ID, "private_key": pem.decode(),
            "client_email": EMAIL, "token_uri": f"{self.recorder.url}/token",
        }  # fmt: skip
        return {"serviceAccount": json.dumps(account), "baseUrl": self.recorder.url, **more}

    def answer(self, asked: Asked) -> Reply:
        try:
            return self._token(asked) if asked.path == "/token" else self._message(asked)
        except (AssertionError, KeyError, ValueError, jwt.PyJWTError) as error:
            self.faults.append(repr(error))
            raise

    def _token(self, asked: Asked) -> Reply:
        form = dict(parse_qsl(asked.body.decode(), strict_parsing=True))
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer" and set(form) == {
            "grant_type",
            "assertion",
        }
        assert jwt.get_unverified_header(form["assertion"]) == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        claims = jwt.decode(
            form["assertion"], rsa_key().public_key(), algorithms=["RS256"], audience=f"{self.recorder.url}/token"
        )
        assert claims["iss"] == EMAIL and claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        assert 0 < claims["exp"] - claims["iat"] <= 3_600
        if self.token_script:
            return self.token_script.pop(0)
        self.tokens.append(f"ya29.{len(self.tokens)}")
        return json_reply({"access_token": self.tokens[-1], "expires_in": 3_599, "token_type": "Bearer"})

    def _message(self, asked: Asked) -> Reply:
        assert (asked.method, asked.path) == ("POST", f"/v1/projects/{PROJECT}/messages:send")
        token = asked.headers["authorization"].removeprefix("Bearer ")
        assert token in self.tokens
        if token in self.revoked:
            return error_reply(401, "UNAUTHENTICATED", words="Request had invalid authentication credentials.")
        message = asked.json["message"]
        assert set(asked.json) == {"message"} and set(message) <= {
            "token",
            "notification",
            "data",
            "android",
            "apns",
            "webpush",
        }
        assert all(isinstance(value, str) for value in message.get("data", {}).values()), "data is text"
        assert set(message["notification"]) <= {"title", "body", "image"}
        planned = self.script.get(message["token"])
        act = planned.pop(0) if planned else self
        if isinstance(act, Reply):
            return act
        self.messages.append(message)
        taken = json_reply({"name": f"projects/{PROJECT}/messages/{len(self.messages)}"})
        return Reply(cut=True) if act is None else taken


@dataclass
class Browser:
    """A subscription, with the keys that only the browser has."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: b"0123456789abcdef")

    @property
    def keys(self) -> dict[str, str]:
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"p256dh": b64(point), "auth": b64(self.auth)}

    def open(self, body: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        content: dict[str, Any] = json.loads(plain)
        return content


@dataclass
class PushService:
    """RFC 8030, 8291, 8292. `script`: by path of an endpoint, what it answers next."""

    recorder: Recorder
    public_key: str = ""
    browsers: dict[str, Browser] = field(default_factory=dict)
    shown: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    """Path, what it says, and the headers."""
    script: dict[str, list[Reply | None]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def browser(self, name: str) -> Browser:
        path = f"/wpush/v2/{name}"
        self.browsers[path] = browser = Browser(self.recorder.url + path)
        return browser

    def answer(self, asked: Asked) -> Reply:
        try:
            return self._message(asked)
        except Exception as error:
            self.faults.append(repr(error))
            raise

    def _message(self, asked: Asked) -> Reply:
        headers = asked.headers
        assert asked.method == "POST" and headers["content-encoding"] == "aes128gcm"
        assert headers["ttl"].isdigit() and headers["urgency"] in ("very-low", "low", "normal", "high")
        topic = headers.get("topic", "x")
        assert 1 <= len(topic) <= 32 and topic.replace("-", "").replace("_", "").isalnum()
        assert Vapid02.verify(headers["authorization"])
        proof = dict(part.split("=", 1) for part in headers["authorization"].removeprefix("vapid ").split(","))
        claims = json.loads(base64.urlsafe_b64decode(proof["t"].split(".")[1] + "=="))
        assert claims["aud"] == self.recorder.url and claims["sub"].startswith(("mailto:", "https://"))
        assert time.time() < claims["exp"] <= time.time() + 24 * 3600 and proof["k"] == self.public_key
        assert len(asked.body) <= 4_096
        content = self.browsers[asked.path].open(asked.body)
        planned = self.script.get(asked.path)
        act = planned.pop(0) if planned else self
        if isinstance(act, Reply):
            return act
        self.shown.append((asked.path, content, headers))
        return Reply(cut=True) if act is None else Reply(201, headers={"Location": f"{self.recorder.url}/message/1"})


@contextmanager
def firebase() -> Iterator[Firebase]:
    with recording() as recorder:
        service = Firebase(recorder)
        recorder.answer = service.answer
        yield service
        assert service.faults == []


@contextmanager
def push_service() -> Iterator[PushService]:
    with recording() as recorder:
        service = PushService(recorder)
        recorder.answer = service.answer
        yield service
        assert service.faults == []
