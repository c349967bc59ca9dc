"""Sealing and signing over a change of the secret key."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from app.lib import crypto
from app.settings import settings

ONE, TWO, THREE = (f"{name}-secret-key-of-these-tests-0123456789" for name in ("first", "second", "third"))
Keys = Callable[..., None]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    """`keys(present, *old)`: from here on these are the secret keys."""

    def choose(present: str, *old: str) -> None:
        changed = dataclasses.replace(settings(), secret_key=present, old_secret_keys=old)
        monkeypatch.setattr(crypto, "settings", lambda: changed)

    return choose


def sealed_by_an_older_release(secret: str, value: bytes, aad: str) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(crypto._key(secret, "seal")).encrypt(nonce, value, aad.encode())


def test_an_old_key_opens_what_it_sealed_and_signed(keys: Keys) -> None:
    keys(ONE)
    sealed, token, older = crypto.seal(b"x", "row:1"), crypto.sign("u", [7]), sealed_by_an_older_release(ONE, b"y", "a")
    for present, *old in ([ONE], [TWO, ONE], [THREE, TWO, ONE]):
        keys(present, *old)
        assert crypto.unseal(sealed, "row:1") == b"x"
        assert crypto.unseal(older, "a") == b"y"
        assert crypto.unsign("u", token) == [7]
        assert crypto.sign("u", [7]) == token or present != ONE
    keys(TWO, THREE)
    for closed in (sealed, older):
        with pytest.raises(crypto.CannotUnseal):
            crypto.unseal(closed, "row:1")
    with pytest.raises(crypto.CannotUnseal):
        crypto.unsign("u", token)


def test_what_is_new_is_made_with_the_present_key(keys: Keys) -> None:
    keys(TWO, ONE)
    sealed, token = crypto.seal(b"x", "a"), crypto.sign("u", 1)
    assert sealed.startswith(crypto.present_mark())
    keys(TWO)
    assert (crypto.unseal(sealed, "a"), crypto.unsign("u", token)) == (b"x", 1)
    keys(ONE)
    assert not sealed.startswith(crypto.present_mark())


def test_purpose_and_place_still_count(keys: Keys) -> None:
    keys(TWO, ONE)
    with pytest.raises(crypto.CannotUnseal):
        crypto.unseal(crypto.seal(b"x", "row:1"), "row:2")
    with pytest.raises(crypto.CannotUnseal):
        crypto.unsign("other", crypto.sign("u", 1))


@given(st.binary(max_size=60))
def test_bytes_that_nobody_sealed_are_unreadable(noise: bytes) -> None:
    for closed in (noise, crypto.MARK + noise, crypto.present_mark() + noise):
        with pytest.raises(crypto.CannotUnseal):
            crypto.unseal(closed, "a")


@given(st.binary(max_size=100), st.integers(0, 200), st.integers(1, 255))
def test_one_changed_byte_is_seen(value: bytes, at: int, change: int) -> None:
    sealed = bytearray(crypto.seal(value, "a"))
    sealed[at % len(sealed)] ^= change
    with pytest.raises(crypto.CannotUnseal):
        crypto.unseal(bytes(sealed), "a")


def test_fingerprints_differ_and_tell_no_key() -> None:
    found = {crypto.key_fingerprint(key) for key in (ONE, TWO, THREE)}
    assert len(found) == 3
    assert not any(part in ONE for part in found)
    assert {len(part) for part in found} == {16}
