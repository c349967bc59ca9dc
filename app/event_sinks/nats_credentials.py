"""The credentials file of a user of NATS: its JWT, and the seed by which it signs what the server asks (an Ed25519 key)."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PART = re.compile(r"-----BEGIN [A-Z ]{1,60}(JWT|SEED)-----\s{1,9}(\S{1,20000})")
_SEED = 18 << 3
"""The first five bits of a seed."""


class BadCredentialsFile(ValueError):
    """This file lets nobody in; the text is a sentence, without anything of the file."""


def options_of_credentials(path: str) -> dict[str, Any]:
    """What a connection is given so that it signs in by this file. Raises BadCredentialsFile.

    The client library has an option for files, and needs a further package for it.
    """
    try:
        parts = dict(_PART.findall(Path(path).read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise BadCredentialsFile("The file of NATS_CREDS cannot be read.") from error
    if parts.keys() != {"JWT", "SEED"}:
        raise BadCredentialsFile("The file of NATS_CREDS holds no JWT and seed of a user.")
    key = _key_of(parts["SEED"])
    return {
        "user_jwt_cb": lambda: parts["JWT"].encode(),
        "signature_cb": lambda nonce: base64.b64encode(key.sign(nonce.encode())),
    }


def _key_of(seed: str) -> Ed25519PrivateKey:
    """Two bytes that say what it is, 32 of the key, two of a check."""
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error as error:
        raise BadCredentialsFile("The seed in the file of NATS_CREDS cannot be read.") from error
    if len(raw) != 36 or raw[0] & 0xF8 != _SEED or int.from_bytes(raw[34:], "little") != binascii.crc_hqx(raw[:34], 0):
        raise BadCredentialsFile("The seed in the file of NATS_CREDS cannot be read.")
    return Ed25519PrivateKey.from_private_bytes(raw[2:34])
