"""Connectors to Slack: their settings, and a try that says Slack's own words."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.lib import single_line
from app.lib.http_client import HttpClient, HttpFailed
from app.lib.http_url import BadUrl, read_url
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings
from app.messaging.channels.http_api import checked_base_url
from app.messaging.channels.service import ServiceTrial, ServiceType
from app.messaging.channels.slack.account import SlackAccount, answer_error

API = "https://slack.com/api"
SlackUrl = Annotated[str, Meta(max_length=500, pattern=r"^(https?://[\x21-\x7e]+)?\Z")]
SlackToken = Annotated[str, Meta(min_length=1, max_length=400, pattern=r"^[\x21-\x7e]*\Z")]
SlackChannel = Annotated[str, Meta(max_length=100, pattern=single_line.PATTERN)]


class SlackWebhookConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An incoming webhook: `webhookUrl` is secret, because who knows it can post."""

    webhook_url: Annotated[str, Meta(min_length=8, max_length=500, pattern=r"^https?://[\x21-\x7e]+\Z")]


class SlackAppConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An app with a bot token that may `chat:write`. `channel`: where it posts when a step names none."""

    bot_token: SlackToken
    channel: SlackChannel = ""
    base_url: SlackUrl = ""


async def _tried(account: SlackAccount, timeout_s: float, expected: str = "") -> ServiceTrial:
    """`expected`: the error that shows that all is well."""
    client = HttpClient()
    try:
        answer = await client.request(account.whoami(), timeout_s=timeout_s, most_bytes=4_000)
    except BadUrl as error:
        return ServiceTrial("misconfigured", str(error))
    except HttpFailed as error:
        return ServiceTrial("away", str(error))
    finally:
        await client.close()
    content, error_word = answer_error(answer)
    if error_word and error_word == expected:
        return ServiceTrial(
            "sent",
            gettext(
                "The webhook is there. Nothing was posted: Slack answered %(error_word)s, as it does without a text.",
                error_word=error_word,
            ),
        )
    if error_word:
        return ServiceTrial(
            "rejected" if answer.status >= 500 else "misconfigured",
            gettext("Slack answered: %(error_word)s", error_word=error_word),
        )
    return ServiceTrial(
        "sent",
        gettext(
            "Slack knows %(get)s in %(get_2)s.",
            get=content.get("user", "this app"),
            get_2=content.get("team", "its workspace"),
        ),
    )


@registry.service
class SlackAppConnector(ServiceType):
    type, label, Config, noun = "slack_app", translatable("Slack app"), SlackAppConfig, translatable("Slack app")
    secret, secret_word = "botToken", translatable("bot token")
    asks_again = translatable("Enter the token again: a stored one is not sent to another address.")
    form = ConnectorForm(
        title=translatable("Slack app"),
        about=translatable("Posts to any channel that the app was invited to."),
        place="Address",
        trial_title=translatable("Test the connection"),
        trial_to="",
        words={
            "botToken": translatable("A bot token begins with xoxb- and has no blanks."),
            "channel": single_line.SENTENCE,
            "baseUrl": translatable(
                "Leave it empty for Slack itself, or write an address like https://slack.example.com/api."
            ),
        },
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        return {**settings, "baseUrl": checked_base_url(settings.get("baseUrl", ""))}

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        return (settings.get("baseUrl") or API,)

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> dict[str, Any]:
        return {
            "channel": settings.get("channel", ""),
            "baseUrl": settings.get("baseUrl", ""),
            "hasBotToken": has_secret,
        }

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(
            place=read_url(settings.get("baseUrl") or API).authority, detail=settings.get("channel", "")
        )

    @classmethod
    def account(cls, settings: Settings, secret: str) -> SlackAccount:
        return SlackAccount(base_url=settings.get("baseUrl") or API, token=secret, channel=settings.get("channel", ""))

    @classmethod
    async def tried(cls, account: SlackAccount, timeout_s: float) -> ServiceTrial:
        return await _tried(account, timeout_s)


@registry.service
class SlackWebhookConnector(ServiceType):
    type, label, Config, noun = (
        "slack_webhook",
        translatable("Slack webhook"),
        SlackWebhookConfig,
        translatable("Slack webhook"),
    )
    secret, secret_word = "webhookUrl", translatable("webhook URL")
    form = ConnectorForm(
        title=translatable("Slack webhook"),
        about=translatable("Posts to the one channel that the webhook belongs to."),
        place="Address",
        trial_title=translatable("Test the connection"),
        trial_to="",
        words={
            "webhookUrl": translatable(
                "Write the URL of an incoming webhook, like https://hooks.slack.com/services/T0/B0/x."
            )
        },
    )

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> dict[str, Any]:
        return {"hasWebhookUrl": has_secret}

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(place="hooks.slack.com", detail=gettext("Incoming webhook"))

    @classmethod
    def account(cls, settings: Settings, secret: str) -> SlackAccount:
        return SlackAccount(webhook_url=secret)

    @classmethod
    async def tried(cls, account: SlackAccount, timeout_s: float) -> ServiceTrial:
        return await _tried(account, timeout_s, expected="no_text")
