"""Secrets at rest (AES-GCM) and signed tokens (HMAC-SHA256), both keyed from `secret_key`."""

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


class Unreadable(Exception):
    """A sealed value or signed token was changed, or the secret key is another one."""


@functools.lru_cache(maxsize=16)
def _key(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


def seal(value: bytes, aad: str) -> bytes:
    """Encrypt `value`; `aad` (for example ``"connector:<id>"``) must be the same to open it."""
    nonce = os.urandom(12)
    return nonce + AESGCM(_key(settings().secret_key, "seal")).encrypt(nonce, value, aad.encode())


def unseal(sealed: bytes, aad: str) -> bytes:
    """Decrypt what `seal` made. Raises Unreadable."""
    try:
        return AESGCM(_key(settings().secret_key, "seal")).decrypt(sealed[:12], sealed[12:], aad.encode())
    except InvalidTag as error:
        raise Unreadable from error


def sign(purpose: str, payload: object) -> str:
    """A URL-safe token that carries `payload` (JSON) and proves that we made it for `purpose`."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(payload)).rstrip(b"=")
    mac = hmac.digest(_key(settings().secret_key, purpose), body, "sha256")
    return body.decode() + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def unsign(purpose: str, token: str) -> object:
    """The payload of a token of `sign`. Raises Unreadable."""
    body, _, mac = token.partition(".")
    try:
        given = base64.urlsafe_b64decode(mac + "=" * (-len(mac) % 4))
        expected = hmac.digest(_key(settings().secret_key, purpose), body.encode("ascii"), "sha256")
        if not hmac.compare_digest(given, expected):
            raise Unreadable
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, msgspec.MsgspecError) as error:
        raise Unreadable from error


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a random token: what is stored instead of the token itself."""
    return hashlib.sha256(secret.encode()).digest()
