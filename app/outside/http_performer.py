"""Makes the HTTP requests that steps ask for, and says of each what was sent and answered.

A request that was cut when some of it had left is made again only where that does no harm; else its run is held as uncertain.
"""

from __future__ import annotations

import http
import time
from typing import Any
from uuid import UUID

import psycopg

from app.connectors.access_tokens import AccessTokens
from app.flow.performers import CallFailed, CallUncertain, Performer, PlacedCall, RecordedAnswer, ServiceSign
from app.lib import clock
from app.lib.http_client import MOST_REDIRECTS, HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl
from app.lib.retry_after import retry_after_s
from app.lib.translation import gettext
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.messaging.channels.http.oauth2 import NoToken
from app.outside.connector_repository import ConnectorReader, ServiceUnusable
from app.outside.http_exchange import MOST_BODY, answer_value, outgoing, shown_answer, shown_request
from app.outside.refusals import Refusals

Asked = dict[str, Any]
MARGIN_S = 0.25
"""So much earlier than the engine the client gives up, and says what it knows."""
UNAVAILABLE = (425, 429, 503)
"""The server did nothing, and says that it may later."""


class HttpPerformer(Performer):
    """One worker's HTTP requests."""

    def __init__(self) -> None:
        self._client, self._connectors = HttpClient(), ConnectorReader()
        self._tokens, self._refusals = AccessTokens(self._client), Refusals(self._client)

    async def close(self) -> None:
        """No more calls come."""
        self._connectors.close()
        await self._refusals.close()
        await self._tokens.close()
        await self._client.close()

    async def perform(self, call: PlacedCall) -> RecordedAnswer:
        """`{status, headers, body, durationMs}`, with `cut` when the body is longer than what is kept of it."""
        end = time.monotonic() + call.timeout_s - MARGIN_S
        asked_for, sent = call.request, {"request": call.request["shown"]}
        account, token = await self._credentials(call, sent)
        request = _outgoing(call, account, token, sent)
        answer = await self._answer(request, asked_for, end, sent)
        # Another server, behind a redirect, never saw the credentials.
        own = answer.url.origin == request.url.origin
        if (
            answer.status == 401 and token and own
        ):  # the service takes this token no more and did nothing: it is asked once again
            account, token = await self._credentials(call, sent, refused=token)
            answer = await self._answer(_outgoing(call, account, token, sent), asked_for, end, sent)
        wait_s = _wait_s(answer)
        value = answer_value(answer) if wait_s is None else {**answer_value(answer), "retryAfter": wait_s}
        sign = _sign(asked_for, answer, wait_s)
        # RFC 9110, 15.5.2: the credentials are not valid for this. 403 is about one resource.
        if (
            answer.status == 401
            and own
            and account is not None
            and account.auth != "none"
            and _is_unexpected(asked_for)
        ):
            key = call.tenant_id, UUID(asked_for["connectorId"])
            sign = await self._refusals.sign(
                key, account, token, request, answer, end, f"{call.workflow_id} {call.node_id}"
            )
        return RecordedAnswer(value, {**sent, "response": shown_answer(answer)}, sign)

    async def _answer(self, request: HttpRequest, asked_for: Asked, end: float, sent: Asked) -> HttpAnswer:
        try:
            return await self._client.request(
                request,
                timeout_s=max(0.1, end - time.monotonic()),
                most_bytes=MOST_BODY,
                redirects=MOST_REDIRECTS if asked_for["redirects"] else 0,
            )
        except HttpFailed as error:
            lost = error.sent and not asked_for["repeat"]
            # What would fail for ever is the address's fault, or ours: nothing is better for leaving the server alone.
            # So is a name that nobody has, or that stands for an address inside: there is no server to leave alone.
            sign = None if error.permanent or error.nobody else ServiceSign(False, str(error), again=not lost)
            if lost:
                raise CallUncertain(str(error), record=sent, sign=sign) from error
            raise CallFailed(str(error), permanent=error.permanent, record=sent, sign=sign) from error

    async def _credentials(self, call: PlacedCall, sent: Asked, refused: str = "") -> tuple[HttpAccount | None, str]:
        """The connector's account, and its access token of now where it has one. Raises CallFailed: nothing was sent to the service."""
        if call.request["connectorId"] is None:
            return None, ""
        connector_id = UUID(call.request["connectorId"])
        try:
            account = await self._connectors.account(call.tenant_id, connector_id)
            if not isinstance(account, HttpAccount):
                raise ServiceUnusable(gettext("The connector of this step is not one of a web service."))
            if not account.bears_token:
                return account, ""
            return account, await self._tokens.token(call.tenant_id, connector_id, account, refused=refused)
        except psycopg.OperationalError as error:
            raise CallFailed(gettext("The connector could not be read just now."), record=sent) from error
        except NoToken as error:
            sign = ServiceSign(False, str(error), refused=error.refused, again=True)
            raise CallFailed(str(error), permanent=error.refused, record=sent, sign=sign) from error
        except (BadUrl, BadCredentials, ServiceUnusable) as error:
            raise CallFailed(str(error), permanent=True, record=sent) from error


def _outgoing(call: PlacedCall, account: HttpAccount | None, token: str, sent: Asked) -> HttpRequest:
    """The request as it leaves; what is shown of it is put into `sent`. Raises CallFailed."""
    try:
        request = outgoing(call.request, account, f"{call.run_id}-{call.seq}", token)
    except (BadUrl, BadCredentials) as error:
        raise CallFailed(str(error), permanent=True, record=sent) from error
    sent["request"] = shown_request(call.request["shown"], request)
    return request


def _wait_s(answer: HttpAnswer) -> float | None:
    """How long the server asks to be left alone, with an answer that says that it did nothing."""
    if answer.status not in (*UNAVAILABLE, 408, 502, 504):
        return None
    return retry_after_s(answer.header("retry-after"), clock.now())


def _is_unexpected(asked_for: Asked) -> bool:
    """Is 401 no success for the step?"""
    return {"401", "4xx"}.isdisjoint(asked_for.get("expects", ()))


def _sign(asked_for: Asked, answer: HttpAnswer, wait_s: float | None) -> ServiceSign:
    """What an answer says of the service: 5xx is its fault, unless the step takes it for a success; 4xx is about this request."""
    works = answer.status < 500 or not {str(answer.status), "5xx"}.isdisjoint(asked_for.get("expects", ()))
    again = answer.status in UNAVAILABLE or bool(asked_for["repeat"])
    words = (
        ""
        if works
        else gettext(
            "It answered %(status)s %(status_2)s", status=answer.status, status_2=_phrase(answer.status)
        ).rstrip()
        + "."
    )
    return ServiceSign(works, words, wait_s, again=again and not works)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
