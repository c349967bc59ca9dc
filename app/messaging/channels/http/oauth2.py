"""Access tokens by client credentials (RFC 6749, 4.4): one request to the token address, its answer, and errors in the provider's words."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from app.lib.http_client import HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import read_url
from app.messaging.channels.http.account import BadCredentials, HttpAccount

USUAL_S = 3_600
"""How long a token is used whose answer does not say it."""
MARGIN_S = 60
"""So much earlier than it ends another one is fetched; a tenth of its time where that is shorter."""
MOST_BYTES = 32_000
_LONGEST_TOKEN = 16_000


class NoToken(Exception):
    """The token address gave none; the text is a sentence with its words. `refused`: by account, so that trying again does not help."""

    def __init__(self, why: str, *, refused: bool) -> None:
        super().__init__(why)
        self.refused = refused


class AccessToken(msgspec.Struct, frozen=True):
    """A token, and for how many seconds it may be used."""

    text: str
    seconds: float


async def fetch_token(client: HttpClient, account: HttpAccount, timeout_s: float) -> AccessToken:
    """A new token. Raises NoToken, BadUrl, BadCredentials."""
    if not account.secret:
        raise BadCredentials("The connector has no secret. An admin can enter it.")
    form = {"grant_type": "client_credentials"}
    if account.scope:
        form["scope"] = account.scope
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    if account.client_auth == "body":
        form |= {"client_id": account.client_id, "client_secret": account.secret}
    else:
        pair = f"{quote(account.client_id, safe='')}:{quote(account.secret, safe='')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    request = HttpRequest("POST", read_url(account.token_url), tuple(headers), urlencode(form).encode())
    try:
        answer = await client.request(request, timeout_s=timeout_s, most_bytes=MOST_BYTES)
    except HttpFailed as error:
        raise NoToken(f"No access token: {error}", refused=False) from error
    return _token_of(answer)


def _token_of(answer: HttpAnswer) -> AccessToken:
    try:
        value: Any = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        value = None
    fields = value if isinstance(value, dict) else {}
    if answer.status != 200:
        words = ": ".join(str(fields[name])[:200] for name in ("error", "error_description") if fields.get(name))
        text = f"The token address answered {answer.status}." + (f" It says: {words}" if words else "")
        raise NoToken(text, refused=400 <= answer.status < 500 and answer.status not in (408, 425, 429))
    token, kind = fields.get("access_token"), str(fields.get("token_type", "bearer"))
    if (
        not isinstance(token, str)
        or not 0 < len(token) <= _LONGEST_TOKEN
        or not token.isascii()
        or not token.isprintable()
    ):
        raise NoToken("The token address answered without an access token.", refused=True)
    if kind.lower() != "bearer":
        raise NoToken(
            f"The token address gave a token of the type {kind[:40]}, and only Bearer is known here.", refused=True
        )
    try:
        seconds = float(fields.get("expires_in") or USUAL_S)
    except (TypeError, ValueError):
        seconds = float(USUAL_S)
    return AccessToken(token, max(1.0, min(seconds, 86_400.0) - min(MARGIN_S, seconds / 10)))
