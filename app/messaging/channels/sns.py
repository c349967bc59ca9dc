"""Calls of Amazon's notification service (SNS): whether they are Amazon's, and the confirmation that it asks for.

The certificate that signs is fetched from Amazon's own servers only, whatever a call says, and kept.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from app.lib.http_client import HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, read_url
from app.lib.translation import gettext
from app.messaging.channels.reports import NotVerified

TIMEOUT_S = 8.0
KEPT = 50
"""Certificates that are kept; each region has one at a time."""
_HOST = re.compile(r"sns\.[a-z0-9-]{1,30}\.amazonaws\.com(\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_certificates: OrderedDict[str, bytes] = OrderedDict()


async def verify_sns(content: Any) -> str:
    """The type of a call that is Amazon's. Raises NotVerified."""
    try:
        kind = content["Type"]
        names = [name for name in _SIGNED[kind] if content.get(name) is not None]
        text = "".join(f"{name}\n{content[name]}\n" for name in names)
        signature = base64.b64decode(content["Signature"], validate=True)
        algorithm = _HASHES[content["SignatureVersion"]]()
        pem = await _certificate(content["SigningCertURL"])
        key = x509.load_pem_x509_certificate(pem).public_key()
    except (LookupError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise NotVerified from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotVerified
    try:
        key.verify(signature, text.encode(), padding.PKCS1v15(), algorithm)
    except InvalidSignature as error:
        raise NotVerified from error
    return str(kind)


async def confirm_subscription(content: Any) -> None:
    """Answer a verified SubscriptionConfirmation, so that notifications come. Raises NotVerified when it leads elsewhere."""
    await _get(content["SubscribeURL"])


async def _certificate(url: str) -> bytes:
    if url not in _certificates:
        if not str(url).partition("?")[0].endswith(".pem"):
            raise NotVerified
        _certificates[url] = await _get(url)
        while len(_certificates) > KEPT:
            _certificates.popitem(last=False)
    return _certificates[url]


async def _get(text: str) -> bytes:
    """What a server of SNS answers; no other one is asked."""
    try:
        url = read_url(text)
    except (BadUrl, AttributeError) as error:
        raise NotVerified from error
    if url.scheme != "https" or url.port != 443 or not _HOST.fullmatch(url.host):
        raise NotVerified(gettext("The certificate of this call is not on a server of Amazon’s."))
    client = HttpClient()
    try:
        answer = await client.request(HttpRequest("GET", url), timeout_s=TIMEOUT_S, most_bytes=64_000)
    except HttpFailed as error:
        raise NotVerified(gettext("Amazon could not be asked just now. %(error)s", error=error)) from error
    finally:
        await client.close()
    if answer.status != 200:
        raise NotVerified(gettext("Amazon answered %(status)s where its certificate should be.", status=answer.status))
    return answer.body
