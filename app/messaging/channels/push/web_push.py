"""Notifications to browsers by Web Push: RFC 8030 (the protocol), 8291 (the encryption) and 8292 (VAPID: who we are).

The browser says at which service it is reached, so the address is a stranger's: it is called through the guarded client, and what it
answers is about its own device, never about the connector.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from typing import Annotated, Any

import http_ece
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Meta
from py_vapid import Vapid02

from app.errors import FieldError, Invalid
from app.lib import egress
from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import BadUrl, HttpUrl, read_url
from app.lib.translation import gettext, translatable
from app.messaging.channels.channel import Unsendable
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, ConnectorType, Sender, Settings
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.http_api import AGENT, answer_words, stated_wait
from app.messaging.channels.push.notification import PushAccount, PushPacket, Verdict, result_at
from app.messaging.channels.push.push_reports import device_reports
from app.messaging.channels.push.transport import PushTransport
from app.messaging.channels.reports import CallbackCall, CallbackReply

MOST_PAYLOAD = 3_993
"""Bytes before encryption: services have to take 4,096 after it (RFC 8291)."""
PROOF_S = 12 * 3600
"""For how long a proof of who we are holds; RFC 8292 allows a day."""
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
MOST_ORIGINS = 20
LATER = (408, 425, 429)


class WebPushConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The keys of a site. `contact`: where push services find somebody; `origins`: the sites, separated by blanks, that may subscribe.

    `privateKey`: a key that the site has already (32 bytes in base64url); without, a pair is made. `identityKey` signs external ids.
    """

    contact: Annotated[str, Meta(max_length=320, pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://[\x21-\x7e]+)\Z")]
    origins: Annotated[str, Meta(min_length=1, max_length=2_000)]
    identity_key: Annotated[str, Meta(max_length=200, pattern=r"^([\x21-\x7e]{16,200})?\Z")] = ""
    private_key: Annotated[str, Meta(max_length=100, pattern=r"^[A-Za-z0-9_=-]*\Z")] = ""


class WebPushChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The key itself cannot be changed: each subscription holds for the key that it was made with."""

    contact: (
        Annotated[str, Meta(max_length=320, pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://[\x21-\x7e]+)\Z")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    origins: Annotated[str, Meta(min_length=1, max_length=2_000)] | msgspec.UnsetType = msgspec.UNSET
    identity_key: Annotated[str, Meta(max_length=200, pattern=r"^([\x21-\x7e]{16,200})?\Z")] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class WebPushAccount(PushAccount, frozen=True, kw_only=True):
    contact: str

    def reaches(self, device: PushDevice) -> bool:
        return bool(device.keys)

    def request(self, packet: PushPacket, device: PushDevice, proof: str) -> HttpRequest:
        url, note = push_endpoint(device.token), packet.notification
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Encoding", "aes128gcm"),
            ("TTL", str(note.ttl_s)),
            ("Urgency", note.urgency),
            ("User-Agent", AGENT),
            ("Authorization", vapid_header(self.secret, self.contact, url.origin)),
        ]
        if note.collapse_key:
            headers.append(("Topic", topic_of(note.collapse_key)))
        body = encrypted(web_payload(packet, device), device.keys or {})
        return HttpRequest("POST", url, tuple(headers), body, frozenset({"authorization"}))

    def judged(self, device: PushDevice, answer: HttpAnswer) -> Verdict:
        if 200 <= answer.status < 300:
            return Verdict(result=result_at(device, "sent", gettext("The push service took it.")))
        words = " ".join(answer.body.decode("utf-8", "replace").replace("\x00", "").split())[:300]
        text = answer_words(gettext("The push service"), answer, words)
        if answer.status in (404, 410):
            return Verdict(result=result_at(device, "gone", text))
        if answer.status in (502, 504):
            return Verdict(
                result=result_at(device, "uncertain", gettext("%(text)s It may have been taken.", text=text))
            )
        if answer.status >= 500 or answer.status in LATER:
            return Verdict(result=result_at(device, "deferred", text), wait_s=stated_wait(answer))
        return Verdict(result=result_at(device, "rejected", text))


def push_endpoint(text: str) -> HttpUrl:
    """The address of a subscription. Raises BadUrl for one that is no push service on the internet."""
    url = read_url(text)
    if refusal := egress.egress_refusal(url.host):
        raise BadUrl(refusal)
    if ":" in url.host:
        raise BadUrl(gettext("Push services are reached by a name."))  # the signature cannot say an IPv6 address
    if url.scheme != "https" and not egress.is_this_machine(url.host):
        raise BadUrl(gettext("Push services are reached by https."))
    return url


def topic_of(collapse_key: str) -> str:
    """At most 32 characters of base64url, the same for the same key (RFC 8030, 5.4)."""
    if TOPIC.fullmatch(collapse_key):
        return collapse_key
    return base64.urlsafe_b64encode(hashlib.sha256(collapse_key.encode()).digest()).decode()[:32]


def web_payload(packet: PushPacket, device: PushDevice) -> bytes:
    """What the service worker gets. Raises Unsendable when it is too much."""
    note = packet.notification
    content: dict[str, Any] = {
        "id": packet.id,
        "title": note.title,
        "body": note.text,
        "link": note.link,
        "image": note.image,
        "tag": note.collapse_key,
        "data": dict(note.data),
        "report": packet.report_url(device),
    }
    payload = msgspec.json.encode({name: value for name, value in content.items() if value})
    if len(payload) > MOST_PAYLOAD:
        text = gettext(
            "The notification has %(payload)s bytes. Push services take %(most_payload)s.",
            payload=f"{len(payload):,}",
            most_payload=f"{MOST_PAYLOAD:,}",
        )
        raise Unsendable("message_too_large", text)
    return payload


def encrypted(payload: bytes, keys: Any) -> bytes:
    """For the browser alone (RFC 8291). Raises Unsendable when its keys are none."""
    try:
        own = ec.generate_private_key(ec.SECP256R1())
        encoded: bytes = http_ece.encrypt(
            payload,
            private_key=own,
            dh=decoded_key(keys["p256dh"]),
            auth_secret=decoded_key(keys["auth"]),
            version="aes128gcm",
        )
        return encoded
    except Exception as error:
        raise Unsendable("bad_keys", gettext("The keys of this browser’s subscription cannot be used.")) from error


def decoded_key(text: str) -> bytes:
    """Base64url, with or without its padding. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def vapid_header(private_key: str, contact: str, origin: str) -> str:
    """Who sends, signed for one push service."""
    signer = Vapid02.from_raw(private_key.encode())
    signer.conf = {"no-strict": True}  # it knows only some of the addresses that RFC 8292 allows
    claims = {"aud": origin, "sub": contact, "exp": int(time.time()) + PROOF_S}
    return str(signer.sign(claims)["Authorization"])


def new_private_key() -> str:
    """32 bytes in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def public_key_of(private_key: str) -> str:
    """The key that browsers subscribe with (`applicationServerKey`). Raises ValueError."""
    raw = decoded_key(private_key.rstrip("="))
    if len(raw) != 32:
        raise ValueError("a key has 32 bytes")
    public = ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1()).public_key()
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def checked_origins(text: str) -> str:
    """The sites in their one form, separated by blanks. Raises Invalid for `config.origins`."""
    origins = list[str]()
    for word in text.replace(",", " ").split():
        try:
            url = read_url(word)
        except BadUrl as error:
            raise _invalid("origins", str(error)) from error
        if url.target not in ("", "/"):
            raise _invalid("origins", gettext("Write %(origin)s without a path.", origin=url.origin))
        if url.scheme != "https" and not egress.is_this_machine(url.host):
            raise _invalid("origins", gettext("Browsers take notifications from https:// sites only."))
        origins.append(url.origin)
    if not origins or len(origins) > MOST_ORIGINS:
        raise _invalid(
            "origins",
            gettext(
                "Name from one to %(most_origins)s sites, such as https://www.example.com.", most_origins=MOST_ORIGINS
            ),
        )
    return " ".join(dict.fromkeys(origins))


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(path=f"config.{field}", message=message)])


class WebPushConnector(ConnectorType):
    type, label, Config, Change = "web_push", translatable("Web Push"), WebPushConfig, WebPushChange
    secret, secret_word = "privateKey", translatable("private key")
    reports, callback_secret = True, "identityKey"
    engagement = ("opened", "clicked")
    callback_hint = translatable(
        "There is nothing to enter anywhere. Each notification carries an address of its own, and the "
        "service worker reports there that it was shown and opened."
    )
    form = ConnectorForm(
        title="Push",
        about=translatable("Notifications to browsers that allowed them on your site."),
        place="Service",
        trial_title=translatable("Send a test notification"),
        trial_to="text",
        trial_taken=translatable("The push service took it. See whether the browsers of {to} show it."),
        words={
            "contact": translatable("Write mailto: and an address, or an https:// address."),
            "origins": translatable("Name the sites that may subscribe, such as https://www.example.com."),
            "identityKey": translatable("A key has 16 characters or more, without blanks."),
            "privateKey": translatable("Leave it empty, or paste 32 bytes in base64url."),
        },
    )

    @classmethod
    def completed(cls, settings: Settings, secret: str) -> tuple[Settings, str]:
        secret = secret.rstrip("=") or new_private_key()
        try:
            return {**settings, "publicKey": public_key_of(secret)}, secret
        except ValueError as error:
            raise _invalid("privateKey", cls.form.words["privateKey"]) from error

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**settings, "origins": checked_origins(settings["origins"])}

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> dict[str, Any]:
        names = ("contact", "origins", "publicKey", "identityKey")
        return {**{name: settings.get(name, "") for name in names}, "hasPrivateKey": has_secret}

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        origins = settings["origins"].split()
        first, more = read_url(origins[0]).authority, len(origins) - 1
        place = gettext("%(first)s and %(number)s more", first=first, number=more) if more else first
        return ConnectorSummary(place=place, detail=gettext("Browsers"))

    @classmethod
    def sender(cls, connector_id: Any, settings: Settings, secret: str) -> Sender:
        return Sender(connector_id, WebPushAccount(base_url="", secret=secret, contact=settings["contact"]))

    @classmethod
    def reporting(cls, sender: Sender, url: str) -> Sender:
        return Sender(sender.id, msgspec.structs.replace(sender.server, report_to=url))

    @classmethod
    async def callbacks(cls, call: CallbackCall) -> CallbackReply:
        return device_reports(call)

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> PushTransport:
        return PushTransport(deadline_s)
