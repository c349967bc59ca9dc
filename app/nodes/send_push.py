"""Queue one notification to the devices of the contact, and wait for its outcome if configured."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from app.flow import registry
from app.flow.effects import SendMessage
from app.flow.outcomes import Done, Outcome, Run
from app.flow.scope import CompileScope
from app.lib.translation import translatable
from app.models.status import Channel
from app.nodes.send_text import SendText, SendTextConfig

PLATFORMS = {"web": "browsers", "android": "Android", "ios": "iOS"}


class SendPushConfig(SendTextConfig, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`platforms`: which devices are meant; none: all of them."""

    platforms: Annotated[list[Literal["web", "android", "ios"]], Meta(max_length=3, title="devices")] = []


@registry.node
class SendPush(SendText):
    type, label, sends = "send_push", translatable("Push"), Channel.PUSH
    description = translatable(
        "Sends a notification made from a template to each device of those who may be written to, and says what became"
        " of it at each."
    )
    Config = SendPushConfig

    @staticmethod
    def compile(config: SendPushConfig, scope: CompileScope) -> Run | Outcome:
        return SendPush.compiled(config, scope)

    @classmethod
    def queued(cls, config: SendTextConfig, topic: str) -> Done:
        done = super().queued(config, topic)
        platforms = getattr(config, "platforms", [])
        if not platforms:
            return done
        message = done.effects[0]
        if not isinstance(message, SendMessage):
            return done
        wanted = [name for name in PLATFORMS if name in platforms]
        payload = {**message.payload, "platforms": wanted}
        changed = SendMessage(message.channel, message.template, payload, awaits=message.awaits)
        return Done(output=done.output, effects=(changed,))

    @classmethod
    def summary(cls, config: SendTextConfig) -> str:
        text = super().summary(config)
        platforms = getattr(config, "platforms", [])
        words = " and ".join(word for name, word in PLATFORMS.items() if name in platforms)
        where = f"to {words}" if words else ""
        whole = f"{text}, {where}" if text and where else text or where
        return whole[:1].upper() + whole[1:]
