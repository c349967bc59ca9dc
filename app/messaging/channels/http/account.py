"""A service that is called by HTTP, with its credentials: which URLs they go to, and which headers a call bears."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Literal

import msgspec
from standardwebhooks import Webhook as StandardWebhook

from app.lib.http_url import BadUrl, HttpUrl, read_url
from app.lib.translation import gettext

Auth = Literal["none", "basic", "bearer", "header", "signed", "oauth2", "oauth2_code"]
ClientAuth = Literal["header", "body"]


class BadCredentials(ValueError):
    """The credentials of the connector cannot be used; the text is a sentence."""


class HttpAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One connector. `secret` is a password, a token, the value of a header, a signing secret or that of a client, as `auth` says."""

    base_url: str
    auth: Auth = "none"
    username: str = ""
    header: str = ""
    secret: str = ""
    test_path: str = ""
    token_url: str = ""
    client_id: str = ""
    scope: str = ""
    client_auth: ClientAuth = "header"
    authorize_url: str = ""
    token: str = ""
    """The access token for a test, where a person's consent gives it."""

    @property
    def bears_token(self) -> bool:
        """Do its calls bear an access token that is fetched?"""
        return self.auth in ("oauth2", "oauth2_code")

    @property
    def consent_terms(self) -> tuple[str, ...]:
        """What a person consents to, and where the tokens of it go; empty where nobody has to. With other terms a consent is void."""
        if self.auth != "oauth2_code":
            return ()
        return self.base_url, self.authorize_url, self.token_url, self.client_id, self.scope

    def url_of(self, text: str) -> HttpUrl:
        """What a step calls: a path below the base, or a URL that begins with it. Raises BadUrl for anything else."""
        base, text = read_url(self.base_url), text.strip()
        folder = base.target.rstrip("/")
        if not text or text.startswith(("/", "?")):
            return read_url(f"{base.origin}{folder}{text}")
        url = read_url(text)
        path = url.target.partition("?")[0]
        if url.origin != base.origin or not (path == folder or path.startswith(folder + "/")):
            raise BadUrl(
                gettext(
                    "The connector is for %(origin)s%(folder)s, so its credentials go nowhere else.",
                    origin=base.origin,
                    folder=folder,
                )
            )
        return url

    def headers(self, message_id: str, at: datetime, body: bytes, token: str = "") -> tuple[tuple[str, str], ...]:
        """The headers that say who a call is from. `token`: the access token of now, of OAuth2. Raises BadCredentials."""
        if self.auth == "none":
            return ()
        if not self.secret:
            raise BadCredentials(gettext("The connector has no secret. An admin can enter it."))
        if self.bears_token:
            return (("Authorization", f"Bearer {token}"),)
        if self.auth == "basic":
            pair = base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()
            return (("Authorization", f"Basic {pair}"),)
        if self.auth == "bearer":
            return (("Authorization", f"Bearer {self.secret}"),)
        if self.auth == "header":
            return ((self.header, self.secret),)
        return self._signature(message_id, at, body)

    def _signature(self, message_id: str, at: datetime, body: bytes) -> tuple[tuple[str, str], ...]:
        """Standard Webhooks signs id, time and body."""
        try:
            signature = StandardWebhook(self.secret).sign(message_id, at, body.decode())
        except ValueError as error:
            raise BadCredentials(
                gettext(
                    "The secret of the connector signs nothing. Standard Webhooks has one like whsec_ and base64 behind "
                    "it."
                )
            ) from error
        return (
            ("webhook-id", message_id),
            ("webhook-timestamp", str(int(at.timestamp()))),
            ("webhook-signature", signature),
        )
