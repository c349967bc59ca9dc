"""Secrets at rest (AES-GCM) and signed tokens (HMAC-SHA256), both keyed from `secret_key`.

Old keys (THROUGHLINE_OLD_SECRET_KEYS) still open what they made; everything new is made with the present one.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import settings


class CannotUnseal(Exception):
    """A sealed value or signed token was changed, or the secret key is another one."""


MARK = b"\x02tl"
"""Begins what is sealed with the id of its key. Sealed values of older releases begin with their nonce."""
_ID, _NONCE = 4, 12


@functools.lru_cache(maxsize=128)
def _key(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


def key_id(secret: str) -> bytes:
    """Four bytes that name a secret key and tell nothing of it."""
    return _key(secret, "key id")[:_ID]


def key_fingerprint(secret: str) -> str:
    """16 hexadecimal digits that tell two secret keys apart; it is stored to see that all processes have the same one."""
    return _key(secret, "key fingerprint")[:8].hex()


def seal(value: bytes, aad: str) -> bytes:
    """Encrypt `value`; `aad` (for example ``"connector:<id>"``) must be the same to open it."""
    nonce = os.urandom(_NONCE)
    return present_mark() + nonce + AESGCM(_key(settings().secret_key, "seal")).encrypt(nonce, value, aad.encode())


def unseal(sealed: bytes, aad: str) -> bytes:
    """Decrypt what `seal` made, with the present key or an old one. Raises CannotUnseal."""
    for secret in settings().secret_keys:
        opened = None
        if sealed.startswith(MARK + key_id(secret)):
            opened = _opened(secret, sealed[len(MARK) + _ID :], aad)
        if opened is None:
            opened = _opened(secret, sealed, aad)  # of an older release
        if opened is not None:
            return opened
    raise CannotUnseal


def _opened(secret: str, sealed: bytes, aad: str) -> bytes | None:
    try:
        return AESGCM(_key(secret, "seal")).decrypt(sealed[:_NONCE], sealed[_NONCE:], aad.encode())
    except (InvalidTag, ValueError):
        return None


def present_mark() -> bytes:
    """What begins everything that was sealed with the present key."""
    return MARK + key_id(settings().secret_key)


def sign(purpose: str, payload: object) -> str:
    """A URL-safe token that carries `payload` (JSON) and proves that we made it for `purpose`."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(payload)).rstrip(b"=")
    mac = hmac.digest(_key(settings().secret_key, purpose), body, "sha256")
    return body.decode() + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def unsign(purpose: str, token: str) -> object:
    """The payload of a token of `sign`, made with the present key or an old one. Raises CannotUnseal."""
    body, _, mac = token.partition(".")
    try:
        sent_mac = base64.urlsafe_b64decode(mac + "=" * (-len(mac) % 4))
        valid_macs = [
            hmac.digest(_key(secret, purpose), body.encode("ascii"), "sha256") for secret in settings().secret_keys
        ]
        if not any(hmac.compare_digest(sent_mac, expected) for expected in valid_macs):
            raise CannotUnseal
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, msgspec.MsgspecError) as error:
        raise CannotUnseal from error


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a random token: what is stored instead of the token itself."""
    return hashlib.sha256(secret.encode()).digest()
