"""Settings: one frozen dataclass a concern, read once from the environment.

This is the only module that reads ``os.environ``. Outside local mode an unsafe default refuses to start.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from app.bus_settings import BusSettings, read_bus

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class UnsafeSettings(Exception):
    """A setting is missing or unsafe. The message names the variable and what to put in it."""


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def secret(name: str) -> str:
    """A secret of the environment: the variable itself, or the content of the file that `<name>_FILE` names, as containers mount it."""
    value, path = _text(name), _text(f"{name}_FILE")
    if not path:
        return value
    try:
        content = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnsafeSettings(f"{name}_FILE names {path}, which cannot be read: {reason}.") from error
    if not content:
        raise UnsafeSettings(f"{name}_FILE names {path}, which is empty.")
    if value and value != content:
        raise UnsafeSettings(f"{name} and {name}_FILE are both set, and differ. Keep one of them.")
    return content


def _number(name: str, default: int, low: int, high: int) -> int:
    raw = _text(name, str(default))
    if not raw.isdigit() or not low <= int(raw) <= high:
        raise UnsafeSettings(f"{name} must be a whole number from {low} to {high}, not {raw!r}.")
    return int(raw)


def _switch(name: str, *, default: bool) -> bool:
    raw = _text(name, "on" if default else "off").lower()
    if raw not in ("on", "off"):
        raise UnsafeSettings(f"{name} must be on or off, not {raw!r}.")
    return raw == "on"


def _networks(name: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part) for part in _text(name).replace(",", " ").split())
    except ValueError as error:
        raise UnsafeSettings(f"{name} must be addresses or networks like 10.0.0.0/8, with commas: {error}.") from error


def _egress(name: str) -> EgressSettings:
    """Networks like ``10.0.0.0/8``, addresses, and names of servers, mixed."""
    networks, hosts = list[Network](), set[str]()
    for part in _text(name).replace(",", " ").split():
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            if not re.fullmatch(r"(?=.*[a-z_])[a-z0-9_-]+(\.[a-z0-9_-]+)*", part.lower().removesuffix(".")):
                raise UnsafeSettings(
                    f"{name} must be networks like 10.0.0.0/8, addresses or names of servers, with commas: {part!r} is none of them."
                ) from error
            hosts.add(part.lower().removesuffix("."))
    return EgressSettings(tuple(networks), frozenset(hosts))


@dataclass(frozen=True)
class DatabaseSettings:
    url: str = field(repr=False)
    """A libpq URL, ``postgresql://user:password@host/name``. Any PostgreSQL from 15 to 18."""
    pool_size: int = 8
    """Connections of one web process; the engine opens its own, one a thread."""
    roles: bool = True
    """Does each connection take on the role of its work (`app.lib.database_roles`), or do all work as the user that they log in as?"""
    role_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    """URLs of roles that log in as a user of their own, by the name of the role."""


@dataclass(frozen=True)
class RedisSettings:
    url: str | None = field(repr=False)
    """``redis://…`` of a Redis or Valkey. None: everything still moves, a second or two later."""


@dataclass(frozen=True)
class WebSettings:
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = "http://127.0.0.1:8000"
    """How people reach the product; links in mails begin with it."""
    secure_cookies: bool = False
    body_limit: int = 1_000_000
    """Bytes of a request body; imports have a limit of their own."""
    body_seconds: float = 10.0
    """How long a body may take whatever its size is. Above that it must come at `body_rate`."""
    body_rate: int = 8_000
    """Bytes a second, counted from the first."""
    rate_requests: int = 1_000
    """Requests a second of one key or one person, on average over ten seconds; costly ones count as several."""
    rate_events: int = 20_000
    """The same for requests that send events, each of which may hold 1,000 of them."""
    rate_addresses: int = 3_000
    rate_webhooks: int = 50
    """Requests a minute of one address by clients without a session or a valid key."""
    trusted_proxies: tuple[Network, ...] = ()
    """Networks of reverse proxies whose `X-Forwarded-For` is believed, for the limit on sign-ins."""


@dataclass(frozen=True)
class MailboxSettings:
    """The SMTP server inside the product. Only local mode has one; nothing that it takes leaves the machine."""

    host: str = "127.0.0.1"
    port: int = 0
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class EgressSettings:
    """Servers outside the public internet that users may connect to all the same."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EngineSettings:
    batch_size: int = 1000
    """Runs walked in one transaction at most."""
    threads: int = 2
    """Engines of one worker process, each with a connection: one walks while PostgreSQL writes for the other."""
    lease_seconds: int = 60
    """How long an outside call may hold its row before another worker takes it over."""
    poll_seconds: float = 1.0
    """How often a worker looks for work by itself, so that a lost notification costs a second."""
    uncertain_hours: int = 24
    """How long a run waits for a message whose fate is uncertain; then it leaves by the `error` port."""


@dataclass(frozen=True)
class CeilingSettings:
    """What one workspace may ask of the servers that all share. Far above honest use; an operator lowers them."""

    mails_an_hour: int = 1_000_000
    """Above it mails wait for the next hour; none is lost."""
    mails_a_day: int = 10_000_000
    imports_at_once: int = 10
    """Imports that run or wait their turn."""
    uploads_at_once: int = 50
    """Files that were uploaded today and not started."""
    import_rows_a_day: int = 20_000_000
    steps_a_workflow: int = 100


@dataclass(frozen=True)
class Settings:
    local: bool
    """`./dev run`: demo data, mailbox, sign-in links on the terminal. Never on a public host."""
    secret_key: str = field(repr=False)
    """Signs tokens and seals connector passwords; at least 32 characters."""
    state_dir: Path
    metrics_token: str = field(repr=False)
    """Bearer token that `/metrics` asks for; empty: only loopback clients may read it."""
    clock: str
    """`system`, or `database` when tests move time through the table `virtual_clock`."""
    log_level: str
    database: DatabaseSettings
    redis: RedisSettings
    web: WebSettings
    mailbox: MailboxSettings
    engine: EngineSettings
    ceilings: CeilingSettings = CeilingSettings()
    egress: EgressSettings = field(default_factory=EgressSettings)
    buses: BusSettings = field(default_factory=BusSettings)
    admin_email: str = ""
    admin_password: str = field(default="", repr=False)
    plugins: Path | None = None
    """A directory of this machine whose step types, triggers and channels are loaded at start, with all rights of the product."""
    old_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    """Secret keys of before: they open what they sealed and signed, and nothing new is made with them."""

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """All keys that open, the present one first."""
        return (self.secret_key, *self.old_secret_keys)


def read_settings() -> Settings:
    """Read the environment. Raises UnsafeSettings with the variable's name and the mend."""
    loaded = _read(local=_text("THROUGHLINE_LOCAL") == "1")
    if not loaded.local:
        _refuse_unsafe(loaded)
    return loaded


def _refuse_unsafe(loaded: Settings) -> None:
    """What is all right on one's own machine and nowhere else."""
    if fault := weakness(loaded.secret_key):
        raise UnsafeSettings(
            f"THROUGHLINE_SECRET_KEY {fault}. Put 32 random characters or more there (openssl rand -hex 32), and the one "
            "that you have into THROUGHLINE_OLD_SECRET_KEYS, so that what it sealed can still be read."
        )
    base = urlsplit(loaded.web.base_url)
    if base.scheme == "http" and not _is_loopback(base.hostname or ""):
        raise UnsafeSettings(
            f"THROUGHLINE_BASE_URL is {loaded.web.base_url}: passwords and sessions would travel unencrypted. Put a proxy with "
            "TLS in front and set the https:// address that people open. http:// is for 127.0.0.1 and localhost only."
        )
    if loaded.clock != "system":
        raise UnsafeSettings(
            "THROUGHLINE_CLOCK=database lets tests move time, and is for local mode only. Leave it out."
        )


def weakness(key: str) -> str:
    """What is wrong with a secret key, as the end of a sentence; "" when it looks random.

    Random text hardly repeats three characters in a row: of 32 hexadecimal ones more than 95 in 100 triples differ. Repeated
    words, patterns and rows of the keyboard or the alphabet do not come near.
    """
    triples = [key[at : at + 3] for at in range(len(key) - 2)]
    steps = Counter(ord(after) - ord(before) for before, after in pairwise(key))
    if len(set(key)) < 8 or len(set(triples)) < 0.75 * len(triples) or max(steps.values()) > 0.5 * len(key):
        return "repeats itself"
    if re.search(r"change.?(me|this)|replace.?(me|this)|your.?(secret|key)|example|password|throughline", key.lower()):
        return "is a placeholder"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(*, local: bool) -> Settings:
    return Settings(
        local=local,
        secret_key=_secret_key(local=local),
        state_dir=Path(_text("THROUGHLINE_STATE", "var")),
        metrics_token=secret("THROUGHLINE_METRICS_TOKEN"),
        clock=_clock(),
        log_level=_text("THROUGHLINE_LOG_LEVEL", "info"),
        database=DatabaseSettings(
            url=_database_url(local=local),
            pool_size=_number("THROUGHLINE_POOL_SIZE", 8, 1, 100),
            roles=_switch("THROUGHLINE_DATABASE_ROLES", default=True),
            role_urls={role: url for role, name in _ROLE_URLS.items() if (url := secret(name))},
        ),
        redis=RedisSettings(url=secret("REDIS_URL") or None),
        web=_web(),
        mailbox=MailboxSettings(
            port=_number("THROUGHLINE_MAILBOX_PORT", 0, 0, 65535), password=secret("THROUGHLINE_MAILBOX_PASSWORD")
        ),
        ceilings=_ceilings(),
        engine=EngineSettings(
            batch_size=_number("THROUGHLINE_BATCH_SIZE", 1000, 1, 5000),
            threads=_number("THROUGHLINE_ENGINE_THREADS", 2, 1, 8),
            uncertain_hours=_number("THROUGHLINE_UNCERTAIN_HOURS", 24, 1, 720),
        ),
        egress=_egress("THROUGHLINE_EGRESS_ALLOW"),
        buses=_buses(),
        admin_email=_text("THROUGHLINE_ADMIN_EMAIL"),
        admin_password=secret("THROUGHLINE_ADMIN_PASSWORD"),
        plugins=_folder("THROUGHLINE_PLUGINS"),
        old_secret_keys=tuple(secret("THROUGHLINE_OLD_SECRET_KEYS").replace(",", " ").split()),
    )


def _secret_key(*, local: bool) -> str:
    """The key of the environment; in local mode a random one when none is set. Raises UnsafeSettings for less than 32 characters."""
    key = secret("THROUGHLINE_SECRET_KEY")
    if len(key) >= 32:
        return key
    if not local:
        raise UnsafeSettings("Set THROUGHLINE_SECRET_KEY to at least 32 random characters (openssl rand -hex 32).")
    return key or secrets.token_hex(32)


def _database_url(*, local: bool) -> str:
    """The URL of the environment; local mode has a default. Raises UnsafeSettings when none is set elsewhere."""
    if url := secret("DATABASE_URL"):
        return url
    if not local:
        raise UnsafeSettings("Set DATABASE_URL to a PostgreSQL URL, for example postgresql://user:password@host/name.")
    return "postgresql://postgres@127.0.0.1/throughline"


_ROLE_URLS = {
    "tl_owner": "DATABASE_URL_OWNER",
    "tl_web": "DATABASE_URL_WEB",
    "tl_auth": "DATABASE_URL_AUTH",
    "tl_engine": "DATABASE_URL_ENGINE",
}
"""By the role of the database that processes work by (`app.lib.database_roles`)."""


def _web() -> WebSettings:
    port = _number("THROUGHLINE_PORT", 8000, 1, 65535)
    host = _text("THROUGHLINE_HOST", "127.0.0.1")
    base_url = _base_url(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}")  # noqa: S104
    return WebSettings(
        host=host,
        port=port,
        base_url=base_url,
        secure_cookies=base_url.startswith("https://"),
        body_seconds=_number("THROUGHLINE_BODY_SECONDS", 10, 1, 300),
        body_rate=_number("THROUGHLINE_BODY_RATE", 8_000, 100, 1_000_000),
        rate_requests=_number("THROUGHLINE_RATE_REQUESTS", 1_000, 1, 1_000_000),
        rate_events=_number("THROUGHLINE_RATE_EVENTS", 20_000, 1, 1_000_000),
        rate_addresses=_number("THROUGHLINE_RATE_ADDRESSES", 3_000, 1, 1_000_000),
        rate_webhooks=_number("THROUGHLINE_RATE_WEBHOOKS", 50, 1, 1_000_000),
        trusted_proxies=_networks("THROUGHLINE_TRUSTED_PROXIES"),
    )


def _ceilings() -> CeilingSettings:
    return CeilingSettings(
        mails_an_hour=_number("THROUGHLINE_MAILS_AN_HOUR", 1_000_000, 1, 1_000_000_000),
        mails_a_day=_number("THROUGHLINE_MAILS_A_DAY", 10_000_000, 1, 1_000_000_000),
        imports_at_once=_number("THROUGHLINE_IMPORTS_AT_ONCE", 10, 1, 10_000),
        uploads_at_once=_number("THROUGHLINE_UPLOADS_AT_ONCE", 50, 1, 10_000),
        import_rows_a_day=_number("THROUGHLINE_IMPORT_ROWS_A_DAY", 20_000_000, 1, 1_000_000_000),
        steps_a_workflow=_number("THROUGHLINE_STEPS_A_WORKFLOW", 100, 1, 500),
    )


def _buses() -> BusSettings:
    try:
        return read_bus(secret)
    except ValueError as error:
        raise UnsafeSettings(str(error)) from error


def _folder(name: str) -> Path | None:
    value = _text(name)
    if value and not Path(value).is_dir():
        raise UnsafeSettings(f"{name} is {value}, which is no directory. Make it, or leave the variable out.")
    return Path(value).resolve() if value else None


def _clock() -> str:
    clock = _text("THROUGHLINE_CLOCK", "system")
    if clock not in ("system", "database"):
        raise UnsafeSettings(f"THROUGHLINE_CLOCK must be system or database, not {clock!r}.")
    return clock


def _base_url(default: str) -> str:
    value = _text("THROUGHLINE_BASE_URL", default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UnsafeSettings(f"THROUGHLINE_BASE_URL must be an address like https://flows.example.com, not {value!r}.")
    return value


@functools.cache
def settings() -> Settings:
    """The settings of this process, read at first use."""
    return read_settings()


def environment_without_secrets() -> dict[str, str]:
    """The environment of a child process: Python, its packages and locale, and none of the product's settings."""
    names = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "LD_LIBRARY_PATH",
    )
    return {name: os.environ[name] for name in names if name in os.environ}
