"""Call a program by HTTP, and give its answer to the steps behind. A performer makes the call (`app.outside`)."""

from __future__ import annotations

import http
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.node_type import NodeType
from app.flow.outcomes import Asks, Call, Done, Fail, Outcome, refused
from app.flow.performers import LONGEST_S, connector_target
from app.flow.placeholders import in_words
from app.flow.references import Ref
from app.flow.retry import Backoff, Retry
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.url_text import url_reader
from app.flow.verbatim import Verbatim
from app.lib import egress, jsonlimits
from app.lib.conversions import printed
from app.lib.http_redaction import shown_body, shown_headers, shown_url
from app.lib.http_url import BadUrl, header_fault, read_url
from app.lib.translation import gettext, translatable

SAFE = ("GET", "HEAD", "PUT", "DELETE")
"""Methods of which a second request changes nothing more (RFC 9110, 9.2.2)."""
MAX_BODY, MAX_PAIRS = 262_144, 50
UNAVAILABLE = (425, 429, 503)
"""The server did nothing, and says that it may later."""
PASSING = (408, 500, 502, 504)
"""It may have done something: tried again where that does no harm."""
Code = (
    Annotated[int, Meta(ge=100, le=599)]
    | Annotated[str, Meta(pattern=r"^([1-5][0-9]{2}|[1-5]xx)\Z"), Verbatim("a status")]
)
Codes = Annotated[list[Code], Meta(min_length=1, max_length=50)]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class HttpBody(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, omit_defaults=True, frozen=True
):
    """What is sent. `json`: any JSON, or a text that holds JSON; `form`: an object of names and values; `raw`: a text as it stands."""

    type: Literal["none", "json", "form", "raw"] = "none"
    value: Any = None


class HttpRequestConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    method: Method = "POST"
    url: str = ""
    connector_id: Annotated[UUID | None, Ref("connector", "web")] = None
    headers: dict[str, Any] = {}
    query: dict[str, Any] = {}
    body: HttpBody = HttpBody()
    success_codes: Literal["2xx"] | Codes = "2xx"
    timeout: Annotated[int, Meta(ge=1, le=LONGEST_S, description="Seconds")] = 30
    follow_redirects: bool = False
    idempotent: bool = False
    """The service recognises a repeated request by its Idempotency-Key, so one that was cut may be made again."""


_LONE = re.compile(r"\{\{.*\}\}", re.DOTALL)


class _Unfit(ValueError):
    """What was filled in cannot be sent; the text is a sentence."""


def _encoded(kind: str, value: Any) -> tuple[str, str]:
    """The body and its content type. Raises _Unfit."""
    if kind == "none":
        return "", ""
    if kind == "json":
        text, content_type = jsonlimits.encode(value).decode(), "application/json"
    elif kind == "form":
        text, content_type = urlencode(_pairs(value)), "application/x-www-form-urlencoded"
    else:
        text, content_type = printed(value), "text/plain; charset=utf-8"
    if len(text.encode()) > MAX_BODY:
        raise _Unfit(gettext("The body is longer than %(value)s KB.", value=MAX_BODY // 1_024))
    return text, content_type


def _reachable(url: str) -> str:
    """Who is called. Raises BadUrl, also for what can be seen to lie inside without asking a name server."""
    target = read_url(url)
    if refusal := egress.egress_refusal(target.host):
        raise BadUrl(refusal)
    return target.authority


def _value_of(body: HttpBody) -> Any:
    """The value before it is filled in. JSON that is written as a text is read first, so that what is filled in stays inside its text.

    Raises _Unfit.
    """
    text = body.value
    if body.type != "json" or not isinstance(text, str) or _LONE.fullmatch(text.strip()):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _Unfit(
            gettext(
                'This is no JSON: %(error)s. Placeholders stand between quotes, as in {"email": "{{ contact.email }}"}.',
                error=error,
            )
        ) from error


def _pairs(values: Any) -> list[tuple[str, str]]:
    """Names with values as texts; a list is a name that comes several times."""
    pairs = []
    for name, value in (values or {}).items():
        pairs += [(name, printed(one)) for one in (value if isinstance(value, list) else [value])]
    return pairs


def _request(config: HttpRequestConfig, url: str, headers: Any, query: Any, value: Any) -> Call:
    """Raises _Unfit, BadUrl."""
    url = url.strip()
    if query:
        url += ("&" if "?" in url else "?") + urlencode(_pairs(query))
    host = "" if config.connector_id else _reachable(url)
    body, content_type = _encoded(config.body.type, value)
    listed = [(name, printed(text)) for name, text in headers.items()]
    for name, text in listed:
        if fault := header_fault(name, text):
            raise _Unfit(fault)
    if content_type and not any(name.lower() == "content-type" for name, _ in listed):
        listed.append(("Content-Type", content_type))
    repeat = config.method in SAFE or config.idempotent
    shown = {"method": config.method, "url": shown_url(url), "headers": shown_headers(listed), "body": shown_body(body)}
    request = {
        "method": config.method, "url": url, "headers": listed, "body": body, "redirects": config.follow_redirects, "repeat": repeat,
        "connectorId": str(config.connector_id) if config.connector_id else None, "shown": shown,
    }  # fmt: skip
    if expects := [code for code in _codes(config) if code.startswith("5") or code in ("401", "4xx")]:
        request["expects"] = expects
    target = connector_target(config.connector_id) if config.connector_id else host
    return Call("http", request, target=target, policy="resend" if repeat else "hold", timeout_s=config.timeout)


def _codes(config: HttpRequestConfig) -> list[str]:
    """The statuses that are a success: three digits, or those like 2xx."""
    return [config.success_codes] if isinstance(config.success_codes, str) else list(map(str, config.success_codes))


def _meaning(config: HttpRequestConfig, value: dict[str, Any]) -> Outcome:
    status = int(value["status"])
    if any(code in (str(status), f"{status // 100}xx") for code in _codes(config)):
        return Done(output={name: part for name, part in value.items() if name != "retryAfter"})
    body = value.get("body")
    words = " ".join((body if isinstance(body, str) else jsonlimits.encode(body).decode() if body else "").split())[
        :300
    ]
    try:
        reason = f" {http.HTTPStatus(status).phrase}"
    except ValueError:
        reason = ""
    passes = status in UNAVAILABLE or (status in PASSING and (config.method in SAFE or config.idempotent))
    text = gettext("The answer was %(status)s%(reason)s.", status=status, reason=reason) + (
        gettext(" It says: %(words)s", words=words) if words else ""
    )
    return Fail(text, permanent=not passes, wait_s=float(value.get("retryAfter") or 0.0) if passes else 0.0)


@registry.node
class HttpRequestStep(NodeType):
    type, label, category, aliases = "http_request", translatable("HTTP request"), "integration", ("webhook",)
    retryable, default_retry = True, Retry(attempts=3, backoff=Backoff(delay=10_000))
    timed = True
    description = translatable(
        "Calls a web service, with or without credentials, and gives its answer to the steps behind."
    )
    Config = HttpRequestConfig

    @staticmethod
    def compile(config: HttpRequestConfig, scope: CompileScope) -> Asks:
        url, headers, query = url_reader(config.url, scope), scope.value(config.headers), scope.value(config.query)
        value = scope.value(_value_of(config.body))

        def run(step: Any) -> Outcome:
            try:
                return _request(config, str(url(step)), headers(step), query(step), value(step))
            except (BadUrl, _Unfit) as error:
                return refused(gettext("Nothing was sent. %(error)s", error=error))

        def answered(_step: Any, answer: dict[str, Any]) -> Outcome:
            if answer.get("ok"):
                return _meaning(config, answer["value"])
            return Fail(str(answer.get("error")), permanent=bool(answer.get("permanent")))

        return Asks(run, answered)

    @classmethod
    def diagnostics(cls, config: HttpRequestConfig) -> list[Diagnostic]:
        diagnostics = []
        if not config.url.strip() and config.connector_id is None:
            diagnostics.append(incomplete("url", gettext("Write the URL that is called, or choose a connector.")))
        elif config.connector_id is None and is_constant(config.url):
            try:
                _reachable(config.url)
            except BadUrl as error:
                diagnostics.append(Diagnostic("url", str(error)))
        for name, value in config.headers.items():
            if fault := header_fault(name, printed(value) if is_constant(value) else ""):
                diagnostics.append(Diagnostic(f"headers.{name}", fault))
        for field, values in (("headers", config.headers), ("query", config.query)):
            if len(values) > MAX_PAIRS:
                diagnostics.append(Diagnostic(field, gettext("At most %(max_pairs)s fit here.", max_pairs=MAX_PAIRS)))
        return diagnostics + _body_diagnostics(config)

    @classmethod
    def results(cls, config: HttpRequestConfig) -> Mapping[str, str]:
        return {"status": "number", "body": "", "headers": ""}

    @classmethod
    def example(cls, config: HttpRequestConfig) -> Mapping[str, Any]:
        return {"status": 200, "body": {}, "headers": {}}

    @classmethod
    def summary(cls, config: HttpRequestConfig) -> str:
        if not config.url.strip() and config.connector_id is None:
            return ""
        return f"{config.method} {in_words(shown_url(config.url.strip())) or 'by a connector'}"

    @classmethod
    def explain(cls, config: HttpRequestConfig | None, step: StepRecord) -> str:
        output = step.output or {}
        if step.completed_at is None:
            return gettext("The service is called.")
        if output.get("durationMs") is None:  # as a test assumes it
            return gettext("The service answered %(value)s.", value=output.get("status"))
        cut = gettext(" Its answer was longer than what is kept.") if output.get("cut") else ""
        return gettext(
            "The service answered %(value)s after %(value_2)s ms.%(cut)s",
            value=output.get("status"),
            value_2=output.get("durationMs"),
            cut=cut,
        )


def _body_diagnostics(config: HttpRequestConfig) -> list[Diagnostic]:
    kind, value = config.body.type, config.body.value
    if config.method in ("GET", "HEAD") and kind != "none":
        return [
            Diagnostic(
                "body.type",
                gettext("A %(method)s request has no body. Choose another method, or no body.", method=config.method),
            )
        ]
    if kind == "form" and value is not None and not isinstance(value, dict):
        return [Diagnostic("body.value", gettext("A form is an object of names and values."))]
    if kind == "raw" and value is not None and not isinstance(value, str):
        return [Diagnostic("body.value", gettext("Write the body as a text."))]
    try:
        _value_of(config.body)
    except _Unfit as error:
        return [incomplete("body.value", str(error))]
    try:
        jsonlimits.storable_bytes(value, max_bytes=MAX_BODY, max_depth=20)
    except jsonlimits.Unstorable as error:
        return [Diagnostic("body.value", str(error))]
    return []
