"""Connectors to HTTP services: their settings and rules, and a try that says the service's own words."""

from __future__ import annotations

import http
import secrets
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from app.errors import FieldError, Invalid
from app.lib import clock, egress, single_line
from app.lib.http_client import HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, header_fault, read_url
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorForm, ConnectorSummary, Settings, UsualLimits
from app.messaging.channels.http.account import Auth, BadCredentials, ClientAuth, HttpAccount
from app.messaging.channels.http.oauth2 import NoToken, fetch_token
from app.messaging.channels.service import ServiceTrial, ServiceType

Url = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=single_line.PATTERN)]
Line = Annotated[str, Meta(max_length=320, pattern=single_line.PATTERN)]
Secret = Annotated[str, Meta(max_length=8_000, pattern=r"^[^\x00\r\n]*\Z")]
SHOWN = 300
"""Characters of an answer that a try shows."""
_WORDS = {
    "none": translatable("Without credentials"),
    "basic": translatable("User name and password"),
    "bearer": translatable("Bearer token"),
    "header": translatable("A header of its own"),
    "signed": translatable("Signed (Standard Webhooks)"),
    "oauth2": translatable("OAuth2 (client credentials)"),
    "oauth2_code": translatable("OAuth2 (a person consents)"),
}


class HttpConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A service. Its credentials go to URLs that begin with `baseUrl`, and nowhere else; another `baseUrl`, `auth`, `username` or
    `header` asks for the `secret` again. `header` is the name of the header for `auth: "header"`; `testPath` what a test gets.
    `oauth2` fetches an access token from `tokenUrl` for `clientId` and the `secret`, which go there as a header or in the body;
    `oauth2_code` does so with the consent of a person, who is sent to `authorizeUrl` from the page of the connector."""

    base_url: Url
    auth: Auth = "none"
    username: Line = ""
    header: Line = ""
    secret: Secret = ""
    test_path: Line = ""
    token_url: Annotated[str, Meta(max_length=2_000, pattern=single_line.PATTERN)] = ""
    client_id: Line = ""
    scope: Line = ""
    client_auth: ClientAuth = "header"
    authorize_url: Annotated[str, Meta(max_length=2_000, pattern=single_line.PATTERN)] = ""


class HttpView(msgspec.Struct, rename="camel"):
    base_url: str
    auth: str
    username: str
    header: str
    test_path: str
    token_url: str
    client_id: str
    scope: str
    client_auth: str
    authorize_url: str
    has_secret: bool


@registry.service
class HttpConnector(ServiceType):
    type, label, Config, noun = "http", "HTTP", HttpConfig, "web service"
    secret, secret_word = "secret", translatable("secret")
    usual_limits = UsualLimits(max_concurrent=20)
    asks_again = translatable("Enter the secret again: a stored one goes to no other address, and in no other way.")
    form = ConnectorForm(
        title=translatable("Web service"),
        about=translatable("Calls the API of any service, with a key, a token or OAuth2."),
        place="Address",
        trial_title=translatable("Test the connection"),
        trial_to="",
        words={
            "baseUrl": translatable("Write where the service is, for example https://api.example.com/v1."),
            "auth": translatable("One of %(words)s.") % {"words": ", ".join(get_args(Auth))},
            "username": single_line.SENTENCE,
            "header": translatable("Write the name of a header, for example X-Api-Key."),
            "secret": translatable("A secret holds no line breaks."),
            "testPath": single_line.SENTENCE,
            "tokenUrl": translatable(
                "Write the address that gives access tokens, for example https://auth.example.com/oauth/token."
            ),
            "authorizeUrl": translatable(
                "Write the address where people consent, for example https://auth.example.com/oauth/authorize."
            ),
            "clientId": single_line.SENTENCE,
            "scope": single_line.SENTENCE,
            "clientAuth": translatable("One of %(words)s.") % {"words": ", ".join(get_args(ClientAuth))},
        },
        choices={
            "auth": list(_WORDS.items()),
            "clientAuth": [
                ("header", translatable("In the Authorization header")),
                ("body", translatable("In the body")),
            ],
        },
        defaults={"auth": "none", "clientAuth": "header"},
    )

    @classmethod
    def checked(cls, settings: Settings) -> Settings:
        try:
            base = read_url(settings["baseUrl"])
        except BadUrl as error:
            raise _invalid("baseUrl", str(error)) from error
        if "?" in base.target:
            raise _invalid("baseUrl", gettext("Leave out the query: steps add their own."))
        if refusal := egress.egress_refusal(base.host):
            raise _invalid("baseUrl", refusal)
        if (
            settings["auth"] in ("basic", "bearer", "header", "oauth2", "oauth2_code")
            and base.scheme == "http"
            and not egress.is_this_machine(base.host)
        ):
            raise _invalid("baseUrl", gettext("Credentials need https."))
        if settings["auth"] == "header" and (fault := header_fault(settings["header"], "")):
            raise _invalid("header", fault if settings["header"] else cls.form.words["header"])
        if settings["auth"] == "basic" and (not settings["username"] or ":" in settings["username"]):
            raise _invalid("username", gettext("Write a user name without a colon."))
        if settings["auth"] in ("oauth2", "oauth2_code"):
            _check_client(settings)
        if settings["auth"] == "oauth2_code":
            _check_address(settings, "authorizeUrl")
        checked = {**settings, "baseUrl": str(base).rstrip("/")}
        try:
            cls.account(checked, "").url_of(settings["testPath"])
        except BadUrl as error:
            raise _invalid("testPath", gettext("Write a path like /ping. %(error)s", error=error)) from error
        return checked

    @classmethod
    def aim_of(cls, settings: Settings) -> tuple[Any, ...]:
        client = (settings["tokenUrl"], settings["clientId"]) if settings["auth"] in ("oauth2", "oauth2_code") else ()
        return settings["baseUrl"], settings["auth"], settings.get("username", ""), settings.get("header", ""), *client

    @classmethod
    def wants_secret(cls, settings: Settings) -> bool:
        return bool(settings["auth"] != "none")

    @classmethod
    def consent_terms(cls, settings: Settings) -> tuple[str, ...]:
        return cls.account(settings, "").consent_terms

    @classmethod
    def view(cls, settings: Settings, *, has_secret: bool) -> HttpView:
        return HttpView(
            base_url=settings["baseUrl"],
            auth=settings["auth"],
            username=settings.get("username", ""),
            header=settings.get("header", ""),
            test_path=settings.get("testPath", ""),
            token_url=settings.get("tokenUrl", ""),
            client_id=settings.get("clientId", ""),
            scope=settings.get("scope", ""),
            client_auth=settings.get("clientAuth", "header"),
            authorize_url=settings.get("authorizeUrl", ""),
            has_secret=has_secret,
        )

    @classmethod
    def summary(cls, settings: Settings) -> ConnectorSummary:
        return ConnectorSummary(place=settings["baseUrl"], detail=gettext(_WORDS[settings["auth"]]))

    @classmethod
    def account(cls, settings: Settings, secret: str) -> HttpAccount:
        return HttpAccount(
            base_url=settings["baseUrl"],
            auth=settings["auth"],
            username=settings.get("username", ""),
            header=settings.get("header", ""),
            secret=secret,
            test_path=settings.get("testPath", ""),
            token_url=settings.get("tokenUrl", ""),
            client_id=settings.get("clientId", ""),
            scope=settings.get("scope", ""),
            client_auth=settings.get("clientAuth", "header"),
            authorize_url=settings.get("authorizeUrl", ""),
        )

    @classmethod
    async def tried(cls, account: HttpAccount, timeout_s: float) -> ServiceTrial:
        """A GET of the test path. Any answer shows that the service is there; 401 and 403 that it does not know us."""
        client = HttpClient()
        try:
            token = account.token
            if account.auth == "oauth2":
                token = (await fetch_token(client, account, timeout_s)).text
            if account.consent_terms and not account.test_path:
                return ServiceTrial("sent", gettext("The consent works: the token address gave an access token."))
            headers = account.headers(f"test_{secrets.token_hex(8)}", clock.now(), b"", token)
            request = HttpRequest("GET", account.url_of(account.test_path), headers)
            answer = await client.request(request, timeout_s=timeout_s, most_bytes=4_000)
        except (BadUrl, BadCredentials) as error:
            return ServiceTrial("misconfigured", str(error))
        except NoToken as error:
            return ServiceTrial("misconfigured" if error.refused else "away", str(error))
        except HttpFailed as error:
            return ServiceTrial("away", str(error))
        finally:
            await client.close()
        words = " ".join(answer.body.decode("utf-8", "replace").split())[:SHOWN]
        reason = _reason(answer.status)
        text = gettext(
            "GET %(url)s answered %(status)s %(reason)s.", url=request.url, status=answer.status, reason=reason
        )
        text = text.replace(" .", ".")
        text += gettext(" It says: %(words)s", words=words) if words else ""
        refused = answer.status in (401, 403, 407)
        return ServiceTrial("misconfigured" if refused else "sent" if answer.status < 400 else "rejected", text)


def _check_client(settings: Settings) -> None:
    """Where access tokens come from. Raises Invalid."""
    _check_address(settings, "tokenUrl")
    if not settings["clientId"]:
        raise _invalid("clientId", gettext("Write the id of the client, as the service gave it."))


def _check_address(settings: Settings, field: str) -> None:
    """An address of the service that gives tokens: https, and one that may be reached. Raises Invalid."""
    try:
        url = read_url(settings[field])
    except BadUrl as error:
        raise _invalid(field, str(error) if settings[field] else HttpConnector.form.words[field]) from error
    if refusal := egress.egress_refusal(url.host):
        raise _invalid(field, refusal)
    if url.scheme == "http" and not egress.is_this_machine(url.host):
        raise _invalid(field, gettext("Credentials need https."))


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(path=f"config.{field}", message=message)])
