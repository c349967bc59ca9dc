"""Who signed a body, and is it fresh? The answer is the id by which the delivery is known, so that the same one is not handled twice."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook as StandardWebhook

from app.errors import SignedOut
from app.flow.reception import HmacSignature, Signature
from app.lib.translation import gettext

WINDOW = timedelta(minutes=5)
"""How far the sender's clock may be from ours, and how old a signature may be."""
MAX_ID = 200
MAX_CHALLENGE = 1_000
MOST_PARTS = 8
"""Signatures of one header that are looked at: it may hold as many as it has room for."""


class NotSigned(SignedOut):
    """The signature of this call does not fit, so nothing was done. Sign the body as it is sent with the secret of this address."""

    code = "bad_signature"


def delivery_id(
    signature: Signature, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> str | None:
    """The id of a delivery that is signed as the trigger wants it; None when there is none that its sender vouches for.

    `headers` by lower-case name. Raises NotSigned with what is missing or does not fit.
    """
    if signature == "none":
        return _given_id(headers.get("webhook-id") or headers.get("idempotency-key"))
    if not secrets:
        raise NotSigned(
            gettext("This address has no secret yet. Make one in the form of the trigger, and give it to the sender.")
        )
    if isinstance(signature, HmacSignature):
        return _hmac(signature, secrets, headers, body, now)
    return _standard(secrets, headers, body, now)


def in_words(signature: HmacSignature) -> str:
    """What a call must hold, for whoever sets up the sender."""
    if signature.algorithm == "token":
        return gettext("The header %(header)s holds the secret of this address.", header=signature.header)
    what = {
        "body": gettext("the body"),
        "time.body": gettext("the time, a dot and the body"),
        "v0:time:body": gettext("v0:, the time, a colon and the body"),
    }
    signed = gettext(
        "The header %(header)s holds the HMAC-SHA256 of %(what)s, as %(encoding)s.",
        header=signature.header,
        what=what[signature.covers],
        encoding=signature.encoding,
    )
    if not signature.has_time:
        return signed
    place = (
        gettext("The header %(header)s holds the time, in seconds since 1970.", header=signature.time_header)
        if signature.time_header
        else gettext("Before it stands the time, t=…,v1=…, in seconds since 1970.")
    )
    return f"{signed} {place}"


def challenge_of(signature: Signature, content: Any) -> str | None:
    """What a signed body asks back, so that its sender knows that the address is ours; None of a body that asks nothing."""
    signed = isinstance(signature, HmacSignature) and signature.has_time
    asks = signed and isinstance(content, dict) and content.get("type") == "url_verification"
    challenge = content.get("challenge") if asks else None
    return challenge[:MAX_CHALLENGE] if isinstance(challenge, str) else None


def _given_id(text: str | None) -> str | None:
    return f"id:{text[:MAX_ID]}" if text else None


def _standard(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    if missing := [name for name in names if not headers.get(name)]:
        raise NotSigned(
            gettext(
                "The call has no %(missing)s. Sign it by the rules of Standard Webhooks.",
                missing=" and no ".join(missing),
            )
        )
    message_id, sent_at, signed = (headers[name] for name in names)
    if len(message_id) > MAX_ID:
        raise NotSigned(gettext("The webhook-id is longer than %(max_id)s characters.", max_id=MAX_ID))
    at = _checked_time(sent_at, "webhook-timestamp", now)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotSigned(gettext("The body is not UTF-8.")) from None
    wanted = [StandardWebhook(secret_bytes(secret)).sign(message_id, at, text) for secret in secrets]
    sent = [part for part in signed.split(" ")[:MOST_PARTS] if part.startswith("v1,")]
    if not any(hmac.compare_digest(one.encode(), part.encode()) for one in wanted for part in sent):
        raise NotSigned
    return f"id:{message_id}"


def _checked_time(text: str, place: str, now: datetime) -> datetime:
    """The time that a sender signed. Raises NotSigned for none, and for one that is too far away; `place` is what its author calls it."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise NotSigned(gettext("The %(place)s is not a number of seconds since 1970.", place=place))
    at = datetime.fromtimestamp(int(text), UTC)
    if abs(now - at) > WINDOW:
        raise NotSigned(
            gettext(
                "The %(place)s is more than 5 minutes away. Sign each try anew, and set the sender's clock.",
                place=place,
            )
        )
    return at


def secret_bytes(secret: str) -> bytes:
    """The key in a secret: `whsec_` and base64, or what another program gave as text."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_") + "==")
        except binascii.Error:
            pass
    return secret.encode()


def _hmac(
    signature: HmacSignature, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> str | None:
    """The id is the body's digest: these senders sign no other, so the same bytes are the same delivery. A token signs nothing: None."""
    sent = headers.get(signature.header.lower(), "").strip()
    if not sent:
        raise NotSigned(gettext("The call has no %(header)s.", header=signature.header))
    if signature.algorithm == "token":
        if not any(hmac.compare_digest(secret.encode(), sent.encode()) for secret in secrets):
            raise NotSigned(gettext("The %(header)s is not the secret of this address.", header=signature.header))
        return None
    content, parts = _covered(signature, sent, headers, body, now)
    for key in (key for secret in secrets for key in {secret.encode(), secret_bytes(secret)}):
        digest = hmac.digest(key, content, "sha256")
        wanted = digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()
        for part in parts:
            if hmac.compare_digest(wanted.encode(), (part.lower() if signature.encoding == "hex" else part).encode()):
                return f"body:{hashlib.sha256(body).hexdigest()}"
    raise NotSigned


def _covered(
    signature: HmacSignature, sent: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> tuple[bytes, list[str]]:
    """The bytes that are signed, and the signatures that the header holds: a few while the sender changes its secret."""
    if not signature.has_time:
        return body, [sent.removeprefix("sha256=")]
    if signature.time_header:
        at, parts = headers.get(signature.time_header.lower(), "").strip(), [sent.removeprefix("v0=")]
    else:
        pairs = [part.strip().partition("=") for part in sent.split(",")[:MOST_PARTS]]
        at = next((value for name, _, value in pairs if name == "t"), "")
        parts = [value for name, _, value in pairs if name == "v1"]
    _checked_time(at, signature.time_header or f"time in the {signature.header}", now)
    return (at.encode() + b"." if signature.covers == "time.body" else b"v0:" + at.encode() + b":") + body, parts
