"""Providers that take messages by an HTTP API: a `HttpApiConnector` says what a request looks like and what an answer means.

One request a message, through the client that guards addresses, bytes and time. Most such APIs have no key by which they would recognise
a repeat, so a request that was cut when some of it had left is uncertain, like a mail whose server hung up after the text.

| answer                                   | then                                                                 |
|------------------------------------------|----------------------------------------------------------------------|
| 2xx                                      | sent, with the provider's id                                         |
| 401, 403                                 | misconfigured: the connector pauses                                  |
| 408, 425, 429, 500, 501, 503 and further | the provider is left alone as long as it says; costs no try          |
| 502, 504, none after it left             | uncertain: who stands between did not hear what the provider did     |
| everything else                          | rejected: about this message                                         |

A provider's own codes go before that (`refused`).
"""

from __future__ import annotations

import http
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import msgspec
import structlog

from app.errors import FieldError, Invalid
from app.lib import clock, egress
from app.lib.http_client import HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, read_url
from app.lib.translation import gettext
from app.messaging.channels.channel import Unsendable
from app.messaging.channels.connector import ConnectorSummary, ConnectorType, Sender, Settings
from app.messaging.channels.result import DEADLINE_S, Begin, Result, Withheld, running_time

log = structlog.get_logger()
AGENT = "Throughline"
MOST_ANSWER = 64_000
"""Bytes of an answer that are read."""
SHOWN = 500
"""Characters of a provider's words that are kept."""
LONGEST_WAIT_S = 24 * 3600.0
_LATER = (408, 425, 429)
_BETWEEN = (502, 504)


class ApiAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider is called and who we are: the base of what a connector type makes of its settings. Equal ones share a connection."""

    base_url: str
    secret: str


class HttpApiConnector(ConnectorType):
    """A connector type whose messages leave by an HTTP API. `Config` has `baseUrl`, the field that `secret` names, and more of its own."""

    default_url: ClassVar[str]
    """Where the provider is, when `baseUrl` says nothing: an address without a slash at its end."""
    takes_repeats: ClassVar[bool] = False
    """The provider knows a message by a key in its request, so that one that was cut is asked again and never taken twice."""

    # What a provider says of itself ----------------------------------------------------------------------------------------

    @classmethod
    def account(cls, settings: Settings, secret: str) -> ApiAccount:
        """The settings with the secret, ready for use."""
        return ApiAccount(base_url=cls.base_url(settings), secret=secret)

    @classmethod
    def request(cls, account: Any, packet: Any) -> HttpRequest:
        """The request that hands one message over. Raises Unsendable for a message that this provider cannot take."""
        raise NotImplementedError

    @classmethod
    def provider_id(cls, answer: HttpAnswer) -> str:
        """What the provider calls the message that it took; empty when it does not say. May raise what a strange body makes it raise."""
        raise NotImplementedError

    @classmethod
    def words(cls, answer: HttpAnswer) -> str:
        """What a refusal says, in the provider's words."""
        return answer.body.decode("utf-8", "replace")

    @classmethod
    def refused(cls, account: Any, packet: Any, answer: HttpAnswer, words: str) -> Result | None:
        """What a refusal means that the status alone does not say; None when it does."""
        return None

    # What follows from it --------------------------------------------------------------------------------------------------

    @classmethod
    def base_url(cls, settings: Settings) -> str:
        """Where it is called."""
        return str(settings.get("baseUrl") or cls.default_url)

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**settings, "baseUrl": checked_base_url(settings.get("baseUrl", ""))}

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return (cls.base_url(settings),)

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> dict[str, Any]:
        shown = {name: settings.get(name, "") for name in cls.fields() if name != cls.secret}
        return {**shown, f"has{cls.secret[:1].upper()}{cls.secret[1:]}": has_secret}

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(place=read_url(cls.base_url(settings)).authority, detail=cls.label)

    @classmethod
    def sender(cls, connector_id: Any, settings: Settings, secret: str) -> Sender:
        return Sender(connector_id, cls.account(settings, secret))

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> HttpTransport:
        return HttpTransport(cls, deadline_s)

    @classmethod
    def judged(cls, account: Any, packet: Any, answer: HttpAnswer) -> Result:
        """What an answer says about a message. Never raises."""
        if 200 <= answer.status < 300:
            return Result(
                "sent",
                gettext("%(label)s took it.", label=cls.label),
                provider_id=_attempt(cls.provider_id, answer)[:200],
            )
        words = " ".join(_attempt(cls.words, answer).replace("\x00", "").split())[:SHOWN]
        try:
            result = cls.refused(account, packet, answer, words)
        except Exception:
            log.exception("provider.unreadable", type=cls.type, status=answer.status)
            result = None
        return result or by_status(cls.label, answer, words)


def _attempt(read: Any, answer: HttpAnswer) -> str:
    """What `read` finds in an answer; empty when that is not as documented."""
    try:
        return str(read(answer) or "")
    except Exception:
        return ""


def answer_words(label: str, answer: HttpAnswer, words: str) -> str:
    """The sentence for people: `Postmark answered 422 Unprocessable Entity: …`."""
    try:
        reason = f" {http.HTTPStatus(answer.status).phrase}"
    except ValueError:
        reason = ""
    return f"{label} answered {answer.status}{reason}{': ' + words if words else '.'}"


def by_status(label: str, answer: HttpAnswer, words: str) -> Result:
    """What a status says that is no success."""
    text, status = answer_words(label, answer, words), answer.status
    if status in (401, 403):
        return Result("misconfigured", text, "connector_paused")
    if status in _BETWEEN:
        return Result("uncertain", gettext("%(text)s It may have been taken.", text=text), "unconfirmed", everyone=True)
    if status >= 500 or status in _LATER:
        return limited(text, answer)
    return Result("rejected", text, "message_refused")


def limited(text: str, answer: HttpAnswer) -> Result:
    """The provider takes nothing more for now. Without a word about how long, fewer requests at a time may do at a 429."""
    wait_s = stated_wait(answer)
    crowded = answer.status == 429 and wait_s is None
    return Result("unavailable", text, "server_away", everyone=True, wait_s=wait_s, crowded=crowded)


def stated_wait(answer: HttpAnswer) -> float | None:
    """The seconds after which the provider wants to be asked again, by `Retry-After`: a number, or a date."""
    text = answer.header("retry-after").strip()
    if not text:
        return None
    try:
        if text.isascii() and text.replace(".", "", 1).isdigit():
            wait_s = float(text)
        else:
            at = parsedate_to_datetime(text)
            wait_s = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - clock.now()).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_WAIT_S) or None


def checked_base_url(text: str) -> str:
    """The address of a provider in its one form; empty stays empty. Raises Invalid for `config.baseUrl`."""
    if not text.strip():
        return ""
    try:
        url = read_url(text)
    except BadUrl as error:
        raise _invalid(str(error)) from error
    if "?" in url.target:
        raise _invalid(gettext("Leave out the query."))
    if refusal := egress.egress_refusal(url.host):
        raise _invalid(refusal)
    if url.scheme == "http" and not egress.is_this_machine(url.host):
        raise _invalid(gettext("Credentials need https."))
    return str(url).rstrip("/")


def _invalid(message: str) -> Invalid:
    return Invalid(errors=[FieldError(path="config.baseUrl", message=message)])


def json_request(account: ApiAccount, path: str, value: Any, headers: tuple[tuple[str, str], ...]) -> HttpRequest:
    """A POST of JSON below the provider's address. `headers`: those that say who we are; they go nowhere else."""
    url = read_url(account.base_url + path)
    own = (("Content-Type", "application/json"), ("Accept", "application/json"), ("User-Agent", AGENT))
    private = frozenset(name.lower() for name, _ in headers)
    return HttpRequest("POST", url, (*own, *headers), msgspec.json.encode(value), private)


class HttpTransport:
    """Hands messages to the providers of one connector type. Belongs to one event loop; close it at the end."""

    def __init__(self, kind: type[HttpApiConnector], deadline_s: float | None = None) -> None:
        self._kind, self._deadline_s = kind, deadline_s or DEADLINE_S
        self._client = HttpClient()

    async def send(self, server: ApiAccount, packet: Any, begin: Begin | None = None) -> Result:
        """One request within the deadline. `begin` is asked when there is a connection, and nothing has left."""

        async def before() -> None:
            if begin is not None and running_time() > await begin():
                raise Withheld

        try:
            request = self._kind.request(server, packet)
            answer = await self._client.request(
                request, timeout_s=self._deadline_s, most_bytes=MOST_ANSWER, whole=False, before=before
            )
        except Withheld:
            return Result("withheld", "")
        except Unsendable as error:
            return Result("rejected", str(error), error.reason)
        except BadUrl as error:
            return Result("misconfigured", str(error), "connector_paused")
        except HttpFailed as error:
            return self._unanswered(error)
        return self._kind.judged(server, packet, answer)

    def _unanswered(self, error: HttpFailed) -> Result:
        if error.sent and not self._kind.takes_repeats:
            text = gettext("%(error)s %(label)s may have taken it.", error=error, label=self._kind.label)
            return Result("uncertain", text, "unconfirmed", everyone=error.slow)
        return Result("unavailable", str(error), "server_away", everyone=error.slow or not error.sent)

    async def close(self) -> None:
        """Give all connections back."""
        await self._client.close()
