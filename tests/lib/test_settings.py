"""What is unsafe does not start outside local mode, secrets come from files too, and nothing prints them."""

from __future__ import annotations

import base64
import secrets
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import settings
from app.settings import UnsafeSettings

GOOD = "3f0c9a1be27d4885b6d1c02f97ae5340c8d6719fb2e4a05d"
SECRETS = {
    "THROUGHLINE_SECRET_KEY": GOOD,
    "THROUGHLINE_OLD_SECRET_KEYS": "old-secret-key-one old-secret-key-two",
    "DATABASE_URL": "postgresql://user:database-secret@db/name",
    "REDIS_URL": "redis://:valkey-secret@valkey:6379/0",
    "THROUGHLINE_METRICS_TOKEN": "metrics-secret",
    "THROUGHLINE_ADMIN_PASSWORD": "admin-secret",
    "THROUGHLINE_MAILBOX_PASSWORD": "mailbox-secret",
}


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server, with settings that are all right."""
    for name in ("THROUGHLINE_LOCAL", "THROUGHLINE_CLOCK", "THROUGHLINE_BASE_URL", *SECRETS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("THROUGHLINE_SECRET_KEY", GOOD)
    monkeypatch.setenv("DATABASE_URL", SECRETS["DATABASE_URL"])
    monkeypatch.setenv("THROUGHLINE_BASE_URL", "https://flows.example.com")


def refused(part: str) -> None:
    with pytest.raises(UnsafeSettings, match=part):
        settings.read_settings()


def test_good_settings_start() -> None:
    made = settings.read_settings()
    assert (made.local, made.web.secure_cookies, made.secret_keys) == (False, True, (GOOD,))


@pytest.mark.parametrize(
    "key",
    [
        "a" * 32,
        "ab" * 20,
        "0123456789abcdef" * 2,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "correcthorse-correcthorse-correcthorse",
        "change-me-before-you-go-to-production!",
        "this-is-an-example-of-a-long-secret-key",
        GOOD[:16] * 3,
    ],
)
def test_a_secret_key_that_anybody_guesses_does_not_start(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("THROUGHLINE_SECRET_KEY", key)
    refused("THROUGHLINE_SECRET_KEY.*OLD_SECRET_KEYS")
    monkeypatch.setenv("THROUGHLINE_LOCAL", "1")
    settings.read_settings()


@pytest.mark.parametrize("key", ["", "short", GOOD[:31]])
def test_a_short_secret_key_does_not_start(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("THROUGHLINE_SECRET_KEY", key)
    refused("at least 32 random characters")


def test_random_keys_of_every_alphabet_start() -> None:
    for _ in range(300):
        raw = secrets.token_bytes(32)
        letters = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32))
        for key in (raw.hex(), raw[:16].hex(), base64.b64encode(raw).decode(), secrets.token_urlsafe(24), letters):
            assert settings.weakness(key) == "", key


@given(st.text(min_size=1, max_size=12), st.integers(2, 40))
def test_a_repeated_pattern_is_weak(part: str, times: int) -> None:
    key = part * times
    if len(key) >= 32:
        assert settings.weakness(key)


@pytest.mark.parametrize("url", ["http://flows.example.com", "http://10.0.0.5:8000", "http://localhost.example.com"])
def test_plain_http_to_others_does_not_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("THROUGHLINE_BASE_URL", url)
    refused("unencrypted")
    monkeypatch.setenv("THROUGHLINE_LOCAL", "1")
    settings.read_settings()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "https://x.example"]
)
def test_https_and_ones_own_machine_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("THROUGHLINE_BASE_URL", url)
    assert settings.read_settings().web.base_url == url


@pytest.mark.parametrize("url", ["flows.example.com", "ftp://x.example", "https://", "https://x.example/?a=1"])
def test_what_is_no_address_does_not_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("THROUGHLINE_BASE_URL", url)
    refused("THROUGHLINE_BASE_URL must be an address")


def test_time_that_tests_move_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_CLOCK", "database")
    refused("THROUGHLINE_CLOCK=database")
    monkeypatch.setenv("THROUGHLINE_CLOCK", "sundial")
    monkeypatch.setenv("THROUGHLINE_LOCAL", "1")
    refused("must be system or database")


def test_nothing_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    made = settings.read_settings()
    parts = [made, made.database, made.redis, made.web, made.mailbox, made.engine]
    for part in parts:
        for printed in (repr(part), str(part), f"{part}", f"{part!r}"):
            assert "secret" not in printed.replace("secret_key", ""), printed
            assert GOOD not in printed
    assert "pool_size" in repr(made)
    assert made.redis.url == SECRETS["REDIS_URL"]
    assert made.old_secret_keys == ("old-secret-key-one", "old-secret-key-two")


def test_secrets_come_from_files_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    plain = settings.read_settings()
    for name, value in SECRETS.items():
        monkeypatch.delenv(name)
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    assert settings.read_settings() == plain
    monkeypatch.setenv("DATABASE_URL", SECRETS["DATABASE_URL"])
    assert settings.read_settings() == plain, "the same twice is no contradiction"


@pytest.mark.parametrize("name", ["THROUGHLINE_SECRET_KEY", "DATABASE_URL", "THROUGHLINE_METRICS_TOKEN"])
def test_a_file_that_cannot_be_read_is_told_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "missing"))
    refused(f"{name}_FILE names .*missing, which cannot be read")
    (tmp_path / "missing").write_text(" \n")
    refused("is empty")
    (tmp_path / "missing").write_bytes(b"\xff\xfe")
    refused("it is not text")
    (tmp_path / "missing").write_text("one thing")
    monkeypatch.setenv(name, "another thing")
    refused("both set, and differ")
