"""Posts what steps say to Slack, and says what it answered. A post that was cut is not made again: its run is held."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from app.flow.performers import CallFailed, CallUncertain, Performer, PlacedCall, RecordedAnswer, ServiceSign
from app.lib import clock
from app.lib.http_client import HttpClient, HttpFailed
from app.lib.http_url import BadUrl
from app.lib.retry_after import retry_after_s
from app.lib.translation import gettext
from app.messaging.channels.slack.account import PASSING, REFUSED, SlackAccount, answer_error
from app.outside.connector_repository import ConnectorReader, ServiceUnusable
from app.outside.http_exchange import shown_answer

MARGIN_S = 0.25
"""So much earlier than the engine the client gives up, and says what it knows."""
MOST_BYTES = 64_000


class SlackPerformer(Performer):
    """One worker's posts."""

    def __init__(self) -> None:
        self._client, self._connectors = HttpClient(), ConnectorReader()

    async def close(self) -> None:
        """No more calls come."""
        self._connectors.close()
        await self._client.close()

    async def perform(self, call: PlacedCall) -> RecordedAnswer:
        """`{ts, channel}` of an app, `{}` of a webhook; `{error, permanent, retryAfter}` when Slack refused."""
        sent: dict[str, Any] = {"request": call.request["shown"]}
        try:
            account = await self._connectors.account(call.tenant_id, UUID(call.request["connectorId"]))
            if not isinstance(account, SlackAccount):
                raise ServiceUnusable(gettext("The connector of this step is not one of Slack."))
            request = account.post(call.request["message"])
        except psycopg.OperationalError as error:
            raise CallFailed(gettext("The connector could not be read just now."), record=sent) from error
        except (BadUrl, ServiceUnusable) as error:
            raise CallFailed(str(error), permanent=True, record=sent) from error
        sent["request"] = {**call.request["shown"], "method": "POST", "url": account.shown_url}
        try:
            answer = await self._client.request(request, timeout_s=call.timeout_s - MARGIN_S, most_bytes=MOST_BYTES)
        except HttpFailed as error:
            sign = ServiceSign(False, str(error), again=not error.sent)
            if error.sent:
                raise CallUncertain(str(error), record=sent, sign=sign) from error
            raise CallFailed(str(error), record=sent, sign=sign) from error
        record = {**sent, "response": shown_answer(answer)}
        content, error_word = answer_error(answer)
        if not error_word:
            output = {name: str(content[name]) for name in ("ts", "channel") if content.get(name)}
            return RecordedAnswer(output, record, ServiceSign(True))
        if error_word in REFUSED:
            words = gettext("Slack refused the account: %(error_word)s.", error_word=error_word)
            value = {"error": error_word, "permanent": True, "retryAfter": 0.0}
            return RecordedAnswer(value, record, ServiceSign(False, words, refused=True, again=True))
        wait_s = retry_after_s(answer.header("retry-after"), clock.now())
        passing = error_word in PASSING or answer.status == 429 or answer.status >= 500
        value = {"error": error_word, "permanent": not passing, "retryAfter": wait_s or 0.0}
        return RecordedAnswer(value, record, ServiceSign(answer.status < 500, error_word, wait_s))
