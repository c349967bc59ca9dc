"""Access tokens (RFC 6749): by client credentials (4.4), or by a person's consent (4.1 with PKCE, and 6).

One request to the token address, its answer, and errors in the provider's words.
"""

from __future__ import annotations

import base64
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from app.lib.http_client import HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import read_url
from app.lib.translation import gettext
from app.messaging.channels.http.account import BadCredentials, HttpAccount

USUAL_S = 3_600
"""How long a token is used whose answer does not say it."""
MARGIN_S = 60
"""So much earlier than it ends another one is fetched; a tenth of its time where that is shorter."""
MOST_BYTES = 32_000
_LONGEST_TOKEN = 16_000


class NoToken(Exception):
    """The token address gave none; the text is a sentence with its words. `refused`: by account, so that trying again does not help.
    `code`: the error as the standard calls it."""

    def __init__(self, why: str, *, refused: bool, code: str = "") -> None:
        super().__init__(why)
        self.refused, self.code = refused, code


class AccessToken(msgspec.Struct, frozen=True):
    """A token, and for how many seconds it may be used. `refresh`: what gets the next one, where one came; `ends`: it said when it ends."""

    text: str
    seconds: float
    refresh: str = ""
    ends: bool = True


def consent_url(account: HttpAccount, redirect: str, state: str, challenge: str) -> str:
    """Where a person is sent to consent (RFC 6749, 4.1.1, and 7636). What the address has in its query stays: offline access of Google."""
    parts = urlsplit(account.authorize_url)
    query = {"response_type": "code", "client_id": account.client_id, "redirect_uri": redirect, "state": state}
    if account.scope:
        query["scope"] = account.scope
    query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    extra = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in query]
    return urlunsplit(parts._replace(query=urlencode([*extra, *query.items()]), fragment=""))


async def fetch_token(client: HttpClient, account: HttpAccount, timeout_s: float) -> AccessToken:
    """A new token by the credentials of the client. Raises NoToken, BadUrl, BadCredentials."""
    form = {"grant_type": "client_credentials"}
    if account.scope:
        form["scope"] = account.scope
    return _token_of(await _ask(client, account, form, timeout_s))


async def exchange_code(
    client: HttpClient, account: HttpAccount, code: str, verifier: str, redirect: str, timeout_s: float
) -> AccessToken:
    """The first tokens of a consent, for the code that came back (4.1.3). Raises NoToken, BadUrl, BadCredentials."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    return _token_of(await _ask(client, account, form, timeout_s))


async def refresh_token(client: HttpClient, account: HttpAccount, refresh: str, timeout_s: float) -> AccessToken:
    """The next token of a consent (6), maybe with another refresh token. Raises NoToken, BadUrl, BadCredentials."""
    answer = await _ask(client, account, {"grant_type": "refresh_token", "refresh_token": refresh}, timeout_s)
    try:
        return _token_of(answer)
    except NoToken as error:
        if error.code != "invalid_grant":
            raise
        why = gettext(
            "The consent has ended or was withdrawn: an admin has to connect it again. %(error)s", error=error
        )
        raise NoToken(why, refused=True, code=error.code) from error


async def _ask(client: HttpClient, account: HttpAccount, form: dict[str, str], timeout_s: float) -> HttpAnswer:
    if not account.secret:
        raise BadCredentials(gettext("The connector has no secret. An admin can enter it."))
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    if account.client_auth == "body":
        form |= {"client_id": account.client_id, "client_secret": account.secret}
    else:
        pair = f"{quote(account.client_id, safe='')}:{quote(account.secret, safe='')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    request = HttpRequest("POST", read_url(account.token_url), tuple(headers), urlencode(form).encode())
    try:
        return await client.request(request, timeout_s=timeout_s, most_bytes=MOST_BYTES)
    except HttpFailed as error:
        raise NoToken(gettext("No access token: %(error)s", error=error), refused=False) from error


def _token_of(answer: HttpAnswer) -> AccessToken:
    try:
        value: Any = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        value = None
    fields = value if isinstance(value, dict) else {}
    if answer.status != 200:
        words = ": ".join(str(fields[name])[:200] for name in ("error", "error_description") if fields.get(name))
        text = gettext("The token address answered %(status)s.", status=answer.status) + (
            gettext(" It says: %(words)s", words=words) if words else ""
        )
        refused = 400 <= answer.status < 500 and answer.status not in (408, 425, 429)
        raise NoToken(text, refused=refused, code=str(fields.get("error", ""))[:60])
    token, kind = fields.get("access_token"), str(fields.get("token_type", "bearer"))
    if not _is_token(token):
        raise NoToken(gettext("The token address answered without an access token."), refused=True)
    if kind.lower() != "bearer":
        raise NoToken(
            gettext(
                "The token address gave a token of the type %(kind)s, and only Bearer is known here.", kind=kind[:40]
            ),
            refused=True,
        )
    try:
        seconds = float(fields.get("expires_in") or USUAL_S)
    except (TypeError, ValueError):
        seconds = float(USUAL_S)
    refresh = fields.get("refresh_token")
    usable_s = max(1.0, min(seconds, 86_400.0) - min(MARGIN_S, seconds / 10))
    return AccessToken(token, usable_s, refresh if _is_token(refresh) else "", bool(fields.get("expires_in")))


def _is_token(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TOKEN and value.isascii() and value.isprintable()
