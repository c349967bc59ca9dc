"""A Slack connector ready for use: the request that posts, and what Slack's answers mean."""

from __future__ import annotations

from typing import Any

import msgspec

from app.lib.http_client import HttpAnswer, HttpRequest
from app.lib.http_url import HttpUrl, read_url

PASSING = (
    "ratelimited",
    "rate_limited",
    "service_unavailable",
    "internal_error",
    "fatal_error",
    "request_timeout",
    "rollup_error",
)
"""Errors that are over after a while; the others are until somebody changes something."""
REFUSED = (
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "invalid_token",
    "no_service",
    "team_disabled",
)
"""Errors of the account, not of a message: https://docs.slack.dev/reference/methods/chat.postMessage and incoming webhooks."""
_HEADERS = (("Content-Type", "application/json; charset=utf-8"), ("User-Agent", "Throughline"))


class SlackAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`token` of an app, which posts to any channel it is in; or `webhook_url`, which posts to one."""

    base_url: str = ""
    token: str = ""
    channel: str = ""
    """Where an app posts whose step names no channel."""
    webhook_url: str = ""

    @property
    def url(self) -> HttpUrl:
        """Raises BadUrl."""
        return read_url(self.webhook_url or f"{self.base_url}/chat.postMessage")

    @property
    def shown_url(self) -> str:
        """Without what is secret of it."""
        url = self.url
        return f"{url.origin}/•••" if self.webhook_url else str(url)

    def post(self, message: dict[str, Any]) -> HttpRequest:
        """The request that posts a message: `text`, `blocks`, `channel`. Raises BadUrl."""
        content = {name: value for name, value in message.items() if value}
        if self.webhook_url:
            content.pop("channel", None)  # a webhook has its channel
            return HttpRequest("POST", self.url, _HEADERS, msgspec.json.encode(content))
        body = msgspec.json.encode({"channel": self.channel, **content})
        return HttpRequest("POST", self.url, (*_HEADERS, self._proof), body, frozenset({"authorization"}))

    def whoami(self) -> HttpRequest:
        """A request that changes nothing: `auth.test`, or a post without text, which a webhook refuses. Raises BadUrl."""
        if self.webhook_url:
            return self.post({})
        url = read_url(f"{self.base_url}/auth.test")
        return HttpRequest("POST", url, (*_HEADERS, self._proof), b"{}", frozenset({"authorization"}))

    @property
    def _proof(self) -> tuple[str, str]:
        return "Authorization", f"Bearer {self.token}"


def answer_error(answer: HttpAnswer) -> tuple[dict[str, Any], str]:
    """What Slack answered, and its word for what is wrong; empty when it did what was asked."""
    text = answer.body.decode("utf-8", "replace").strip()
    try:
        content = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        return {}, "" if answer.status == 200 else text[:300] or f"status {answer.status}"
    if content.get("ok") is True:
        return content, ""
    return content, str(content.get("error") or text)[:300]
