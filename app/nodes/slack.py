"""Post a message to a channel of Slack. A performer makes the call (`app.outside`)."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType
from app.flow.outcomes import Asks, Call, Done, Fail, Outcome, refused
from app.flow.performers import connector_target
from app.flow.placeholders import in_words
from app.flow.references import Ref
from app.flow.retry import Backoff, Retry
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib import jsonlimits
from app.lib.formats import number
from app.lib.http_redaction import shown_body
from app.lib.slack_picture import slack_picture
from app.lib.translation import gettext, translatable

MOST_TEXT, MOST_BLOCKS = 40_000, 50
"""What Slack takes of one message."""
TIMEOUT_S = 30
_SPECIAL = re.compile(r"<(?=[!@#])")


class SlackConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    connector_id: Annotated[UUID | None, Ref("connector", "web")] = None
    channel: Annotated[str, Meta(max_length=200)] = ""
    text: str = ""
    blocks: Annotated[Any, Verbatim("JSON, whose texts are filled in after it was read")] = None
    """Slack's Block Kit: a list, or a text that holds one as JSON."""


class _NoBlocks(ValueError):
    """These are no blocks; the text is a sentence."""


def _blocks_of(value: Any) -> Any:
    """The blocks before they are filled in; None without any. Raises _NoBlocks."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _NoBlocks(
                gettext("This is no JSON: %(error)s. Placeholders stand between quotes.", error=error)
            ) from error
    if isinstance(value, dict) and set(value) == {"blocks"}:  # as the Block Kit Builder copies it
        value = value["blocks"]
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(block, dict) and "type" in block for block in value):
        raise _NoBlocks(gettext("Blocks are a list, each with a type. Copy them from Slack’s Block Kit Builder."))
    if len(value) > MOST_BLOCKS:
        raise _NoBlocks(gettext("Slack takes %(most_blocks)s blocks at most.", most_blocks=MOST_BLOCKS))
    return value


def plain(text: str, source: str) -> str:
    """A text with nothing in it that only Slack's own notation would say, unless its author wrote it so.

    A contact who is called `<!channel>` must not call everybody.
    """
    if "<" not in source:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda match: "<" if _written(text[match.start() :], source) else "&lt;", text)


def _written(rest_of_text: str, source: str) -> bool:
    """Did the author write this notation whole?"""
    end = rest_of_text.find(">")
    return end > 0 and rest_of_text[: end + 1] in source


def _plain_blocks(value: Any, source: str) -> Any:
    if isinstance(value, str):
        return _SPECIAL.sub(lambda match: "<" if _written(value[match.start() :], source) else "&lt;", value)
    if isinstance(value, list):
        return [_plain_blocks(item, source) for item in value]
    return {name: _plain_blocks(item, source) for name, item in value.items()} if isinstance(value, dict) else value


@registry.node
class SlackStep(NodeType):
    type, label, category = "slack", "Slack", "integration"
    retryable, default_retry = True, Retry(attempts=3, backoff=Backoff(delay=10_000))
    timed = True
    description = translatable("Posts a message to a channel of Slack, as an app or by an incoming webhook.")
    Config = SlackConfig

    @staticmethod
    def compile(config: SlackConfig, scope: CompileScope) -> Asks:
        blocks = _blocks_of(config.blocks)
        text, channel, filled = scope.text(config.text), scope.text(config.channel), scope.value(blocks)
        source = jsonlimits.encode(blocks).decode() if blocks else ""

        def run(step: Any) -> Outcome:
            message = {"text": plain(str(text(step)), config.text), "channel": str(channel(step)).strip()}
            if not message["text"].strip() and not blocks:
                return refused(gettext("Nothing was posted: the text is empty for this contact."))
            if len(message["text"]) > MOST_TEXT:
                return refused(
                    gettext(
                        "Nothing was posted: Slack takes %(most_text)s characters at most.", most_text=number(MOST_TEXT)
                    )
                )
            whole = {**message, "blocks": _plain_blocks(filled(step), source) if blocks else None}
            shown = {
                "body": shown_body(jsonlimits.encode({name: part for name, part in whole.items() if part}).decode())
            }
            request = {"connectorId": str(config.connector_id), "message": whole, "shown": shown}
            target = connector_target(config.connector_id) if config.connector_id else "slack.com"
            return Call("slack.message", request, target=target, policy="hold", timeout_s=TIMEOUT_S)

        def answered(_step: Any, answer: dict[str, Any]) -> Outcome:
            if not answer.get("ok"):
                return Fail(str(answer.get("error")), permanent=bool(answer.get("permanent")))
            value = answer["value"]
            if error := value.get("error"):
                permanent = bool(value["permanent"])
                return Fail(
                    gettext("Slack answered: %(error)s", error=error),
                    permanent=permanent,
                    wait_s=0.0 if permanent else value["retryAfter"],
                )
            return Done(output=value)

        return Asks(run, answered)

    @classmethod
    def picture(cls, outcome: Outcome) -> str:
        return slack_picture(outcome.request["message"]) if isinstance(outcome, Call) else ""

    @classmethod
    def diagnostics(cls, config: SlackConfig) -> list[Diagnostic]:
        diagnostics = []
        if config.connector_id is None:
            diagnostics.append(incomplete("connectorId", gettext("Choose a connector to Slack.")))
        try:
            blocks = _blocks_of(config.blocks)
        except _NoBlocks as error:
            return [*diagnostics, Diagnostic("blocks", str(error))]
        if not config.text.strip():
            why = gettext("Write a text too: notifications show it.") if blocks else gettext("Write what is posted.")
            diagnostics.append(incomplete("text", why))
        try:
            jsonlimits.storable_bytes(blocks, max_bytes=200_000, max_depth=20)
        except jsonlimits.Unstorable as error:
            diagnostics.append(Diagnostic("blocks", str(error)))
        return diagnostics

    @classmethod
    def own_text(cls, config: SlackConfig) -> str:
        to = f"{config.channel.strip()}: " if config.channel.strip() else ""
        return f"{to}{config.text}" if config.text.strip() else ""

    @classmethod
    def summary(cls, config: SlackConfig) -> str:
        to = f"{in_words(config.channel.strip())}: " if config.channel.strip() else ""
        return f"{to}{in_words(' '.join(config.text.split()))[:80]}" if config.text.strip() else ""

    @classmethod
    def explain(cls, config: SlackConfig | None, step: StepRecord) -> str:
        if step.completed_at is None:
            return gettext("The message is posted to Slack.")
        channel = (step.output or {}).get("channel")
        return (
            gettext("The message was posted to Slack, in the channel %(channel)s.", channel=channel)
            if channel
            else gettext("The message was posted to Slack.")
        )
