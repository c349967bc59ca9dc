"""Who signed a body, and is it fresh? The answer is the id by which the delivery is known, so that the same one is not handled twice."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook as StandardWebhook

from app.errors import SignedOut
from app.flow.reception import HmacSignature, Signature

WINDOW = timedelta(minutes=5)
"""How far the sender's clock may be from ours, and how old a signature may be."""
MAX_ID = 200


class NotSigned(SignedOut):
    """The signature of this call does not fit, so nothing was done. Sign the body as it is sent with the secret of this address."""

    code = "bad_signature"


def delivery_id(
    signature: Signature, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> str | None:
    """The id of a delivery that is signed as the trigger wants it; None when the sender gave none and nothing is signed.

    `headers` by lower-case name. Raises NotSigned with what is missing or does not fit.
    """
    if signature == "none":
        return _given_id(headers.get("webhook-id") or headers.get("idempotency-key"))
    if not secrets:
        raise NotSigned(
            "This address has no secret yet. Make one in the form of the trigger, and give it to the sender."
        )
    if isinstance(signature, HmacSignature):
        return _hmac(signature, secrets, headers, body)
    return _standard(secrets, headers, body, now)


def _given_id(text: str | None) -> str | None:
    return f"id:{text[:MAX_ID]}" if text else None


def _standard(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    if missing := [name for name in names if not headers.get(name)]:
        raise NotSigned(f"The call has no {' and no '.join(missing)}. Sign it by the rules of Standard Webhooks.")
    message_id, sent_at, signed = (headers[name] for name in names)
    if len(message_id) > MAX_ID:
        raise NotSigned(f"The webhook-id is longer than {MAX_ID} characters.")
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12):
        raise NotSigned("The webhook-timestamp is not a number of seconds since 1970.")
    away = abs(now - datetime.fromtimestamp(int(sent_at), UTC))
    if away > WINDOW:
        raise NotSigned(
            "The webhook-timestamp is more than 5 minutes away. Sign each try anew, and set the sender's clock."
        )
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotSigned("The body is not UTF-8.") from None
    at = datetime.fromtimestamp(int(sent_at), UTC)
    wanted = [StandardWebhook(secret_bytes(secret)).sign(message_id, at, text) for secret in secrets]
    # At most a few are looked at: a header may hold as many as it has room for.
    sent = [part for part in signed.split(" ")[:8] if part.startswith("v1,")]
    if not any(hmac.compare_digest(one.encode(), part.encode()) for one in wanted for part in sent):
        raise NotSigned
    return f"id:{message_id}"


def secret_bytes(secret: str) -> bytes:
    """The key in a secret: `whsec_` and base64, or what another program gave as text."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_") + "==")
        except binascii.Error:
            pass
    return secret.encode()


def _hmac(signature: HmacSignature, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """The id is the body's digest: these senders sign nothing else, so the same bytes are the same delivery."""
    sent = headers.get(signature.header.lower(), "").strip()
    if not sent:
        raise NotSigned(f"The call has no {signature.header}.")
    sent = sent.removeprefix("sha256=")
    for secret in secrets:
        digests = [hmac.digest(key, body, "sha256") for key in {secret.encode(), secret_bytes(secret)}]
        for digest in digests:
            wanted = digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()
            if hmac.compare_digest(wanted.encode(), (sent.lower() if signature.encoding == "hex" else sent).encode()):
                return f"body:{hashlib.sha256(body).hexdigest()}"
    raise NotSigned
