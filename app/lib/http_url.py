"""URLs and headers that users write: read strictly, because each reader of an odd one understands something else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from app.lib import egress
from app.lib.translation import gettext

LONGEST_URL = 8_000
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_UP = re.compile(r"(^|/)(\.|%2e){1,2}(/|$)", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BadUrl(ValueError):
    """This cannot be called; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """A URL in its parts. `host` is that of `egress.host_name`, `target` the path with its query, percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """`example.com`, with the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return host if usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


def read_url(text: str) -> HttpUrl:
    """The URL that `text` says. Raises BadUrl: no http(s), a user name, an address that is written oddly, one that is never reached."""
    text = text.strip()
    if not text or len(text) > LONGEST_URL or _UNSAFE.search(text):
        raise BadUrl(gettext("Write a URL like https://api.example.com/orders, without line breaks and backslashes."))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadUrl(gettext("This is not a URL. Write it like https://api.example.com/orders.")) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl(gettext("Write a URL that begins with https:// or http://."))
    if "@" in parts.netloc:
        raise BadUrl(gettext("A URL with a user name in it is not called. Put credentials into a connector."))
    if port == 0 or (not parts.netloc.endswith("]") and parts.netloc.endswith(":")):
        raise BadUrl(gettext("The port of this URL is none."))
    try:
        host = egress.host_name(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    except ValueError as error:
        raise BadUrl(str(error).replace("smtp.example.com", "api.example.com")) from error
    if _UP.search(parts.path):
        raise BadUrl(gettext("The path of this URL goes up by “..”. Write it out."))
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        target += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~-._[]")
    return HttpUrl(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def header_fault(name: str, value: str) -> str | None:
    """Why a header cannot be sent, as a sentence; None when it can."""
    if not _TOKEN.fullmatch(name):
        return gettext("“%(name)s” is no name of a header. Use letters, digits and hyphens.", name=name)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        return gettext(
            "The header %(name)s holds a line break or another character that no header may hold.", name=name
        )
    if name.lower() in ("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"):
        return gettext("The header %(name)s is set by the connection itself. Leave it out.", name=name)
    return None
