"""Access tokens of Google for a service account: https://developers.google.com/identity/protocols/oauth2/service-account#httprest.

A process asks once for each key and uses the token until a minute before its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from urllib.parse import urlencode

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.lib import egress
from app.lib.http_client import HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, HttpUrl, read_url
from app.lib.translation import gettext, translatable
from app.messaging.channels.http_api import AGENT, answer_words, stated_wait
from app.messaging.channels.push.notification import Unauthorized
from app.messaging.channels.result import running_time

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTED_S, EARLY_S = 3_600, 60
MOST_KEPT = 1_000
MOST_PEM = 3_500
"""Characters of a key: one of 4,096 bits has 3,272 and takes 0.3 s to check. Those of Google have 2,048 bits."""
NO_ACCOUNT = translatable(
    "This is no key of a service account. At Firebase under Project settings, Service accounts, generate "
    "a key and paste the JSON."
)


class ServiceAccount(msgspec.Struct, frozen=True):
    """What is used of the file that Google gives out; `text` is its one form, in which it is stored."""

    client_email: str
    private_key: str
    project_id: str
    token_uri: str
    private_key_id: str = ""

    @property
    def text(self) -> str:
        return msgspec.json.encode(self).decode()


class _CachedToken(msgspec.Struct):
    token: str
    until: float
    """On the clock of `running_time`."""


_tokens: OrderedDict[bytes, _CachedToken] = OrderedDict()


def read_service_account(text: str) -> ServiceAccount:
    """Raises ValueError with a sentence."""
    try:
        account = msgspec.json.decode(text, type=ServiceAccount)
        if len(account.private_key) > MOST_PEM:
            raise ValueError("the key is too long")
        if not isinstance(load_pem_private_key(account.private_key.encode(), None), RSAPrivateKey):
            raise TypeError("RS256 signs by RSA")
        url = read_url(account.token_uri)
    except (msgspec.MsgspecError, RecursionError, BadUrl, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(NO_ACCOUNT) from error
    if (refusal := egress.egress_refusal(url.host)) is not None and refusal:
        raise ValueError(refusal)
    if url.scheme == "http" and not egress.is_this_machine(url.host):
        raise ValueError(NO_ACCOUNT)
    return account


async def google_token(client: HttpClient, text: str, timeout_s: float, refused: str = "") -> str:
    """The access token for a stored account; another one than `refused`. Raises Unauthorized."""
    key = hashlib.sha256(text.encode()).digest()
    cached = _tokens.get(key)
    if cached is not None and cached.until > running_time() and cached.token != refused:
        return cached.token
    try:
        account = await asyncio.to_thread(read_service_account, text)
        assertion = await asyncio.to_thread(signed_assertion, account, int(time.time()))
        url = read_url(account.token_uri)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise Unauthorized("misconfigured", NO_ACCOUNT) from error
    token, seconds = await _asked(client, url, assertion, timeout_s)
    _tokens[key] = _CachedToken(token, running_time() + max(0, seconds - EARLY_S))
    _tokens.move_to_end(key)
    while len(_tokens) > MOST_KEPT:
        _tokens.popitem(last=False)
    return token


def signed_assertion(account: ServiceAccount, now: int) -> str:
    """What proves to Google that we have the key."""
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + ASSERTED_S,
    }
    headers = {"kid": account.private_key_id} if account.private_key_id else None
    return jwt.encode(claims, account.private_key, algorithm="RS256", headers=headers)


async def _asked(client: HttpClient, url: HttpUrl, assertion: str, timeout_s: float) -> tuple[str, int]:
    """A new token, and for how many seconds it holds."""
    headers = (("Content-Type", "application/x-www-form-urlencoded"), ("User-Agent", AGENT))
    body = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
    try:
        answer = await client.request(HttpRequest("POST", url, headers, body), timeout_s=timeout_s, most_bytes=20_000)
    except HttpFailed as error:
        raise Unauthorized("unavailable", gettext("Google gave no access token. %(error)s", error=error)) from error
    words = " ".join(answer.body.decode("utf-8", "replace").split())[:300]
    if answer.status == 200:
        try:
            granted = msgspec.json.decode(answer.body)
            return str(granted["access_token"]), int(granted.get("expires_in", ASSERTED_S))
        except (msgspec.DecodeError, RecursionError, LookupError, TypeError, ValueError, OverflowError) as error:
            raise Unauthorized(
                "unavailable", gettext("Google answered something else than an access token.")
            ) from error
    text = answer_words("Google", answer, words)
    if answer.status >= 500 or answer.status == 429:
        raise Unauthorized("unavailable", text, stated_wait(answer))
    raise Unauthorized("misconfigured", text)


def forget_tokens() -> None:
    """Ask again for each key."""
    _tokens.clear()
