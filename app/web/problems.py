"""Error responses: problem+json under `/api/`, a designed page (or an htmx toast) for people.

The database being away is 503, whatever layer noticed it: advanced-alchemy would call it a conflict.
"""

from __future__ import annotations

import errno
from typing import Any
from urllib.parse import urlencode

import psycopg
import structlog
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.response import Template
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import (
    AppError,
    BadRequest,
    DiskFull,
    FieldError,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    SignedOut,
    TooLarge,
    Unavailable,
)
from app.lib import outage, translation
from app.lib.field_errors import all_field_errors, field_error
from app.lib.translation import gettext, translatable
from app.web import transactions
from app.web.flash import toast
from app.web.fragments import is_partial, page

log = structlog.get_logger()
PROGRAMS = ("/api/", "/health", "/metrics", "/docs/openapi", "/push/")
"""Paths that programs read: their errors are problem+json."""
MAX_SHOWN = 100
"""Field errors in one answer; how many more there are is said in words."""
IN_DOUBT = translatable(
    "The database stopped answering while this was being saved, so it may have been saved or not. Look "
    "before you repeat it."
)
IN_DOUBT_API = translatable(" With the same Idempotency-Key it is safe to repeat.")
_AWAY = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError)
_PARAMETERS = ("query", "path", "header", "cookie")
_BY_STATUS: dict[int, type[AppError]] = {
    400: BadRequest,
    401: SignedOut,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
}


def as_app_error(error: Exception) -> AppError:
    """The AppError that says what `error` means to a client."""
    if isinstance(error, AppError):
        return error
    if _disk_is_full(error):
        return DiskFull()
    if _database_is_away(error):
        return _away()
    if isinstance(error, DataError):  # a value that fits JSON but no column: NUL in a text, a number out of range
        return Invalid(
            gettext("A value cannot be stored: it holds a NUL character, or a number or date is out of range.")
        )
    if isinstance(error, RecursionError):
        return BadRequest(gettext("The JSON is nested too deeply."))
    if isinstance(error, ValidationException):
        return Invalid()  # `handle` reads the body and names its field errors
    if isinstance(error, HTTPException):
        return _of_framework(error)
    return AppError()


def _database_is_away(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _AWAY) or (isinstance(cause, DBAPIError) and cause.connection_invalidated):
            return True
        cause = cause.__cause__
    return False


def _away() -> Unavailable:
    reason = outage.sentence()
    return Unavailable(f"{reason} Nothing was changed; try again in a moment." if reason else None)


def _disk_is_full(error: BaseException) -> bool:
    """Ours, where uploads wait, or the database's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, psycopg.errors.DiskFull):
            return True
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        cause = cause.__cause__
    return False


def _of_framework(error: HTTPException) -> AppError:
    if isinstance(error, SerializationException) or isinstance(error.__cause__, SerializationException):
        detail = str(error.__cause__ or error).removeprefix("JSON is malformed: ")
        return BadRequest(
            gettext("The body is not well-formed JSON: %(detail)s.", detail=detail), code="malformed_json"
        )
    kind = _BY_STATUS.get(error.status_code)
    if kind is MethodNotAllowed:
        allowed = sorted(set(str((error.headers or {}).get("allow", "")).split(", ")) - {"", "OPTIONS"})
        words = gettext("This address takes %(allowed)s only.", allowed=", ".join(allowed)) if allowed else None
        return MethodNotAllowed(words, headers={"Allow": ", ".join(allowed)})
    if kind is not None:
        return kind(error.detail if kind is BadRequest else None)
    app_error = AppError(error.detail)
    app_error.status_code, app_error.code = error.status_code, f"http_{error.status_code}"
    return app_error


def _field_errors(error: ValidationException, of_body: list[FieldError]) -> list[FieldError]:
    """One field error for each faulty part of the address and the headers, and those of the body, which are known in full."""
    errors: list[FieldError] = []
    for extra in error.extra if isinstance(error.extra, list) else []:
        if extra.get("message") == "'data'":  # how the framework says that the body is missing
            return [{"path": "body", "message": gettext("Send a JSON body.")}]
        message, path = str(extra.get("message", "")), str(extra.get("key") or "").removeprefix("$.")
        if extra.get("source") in _PARAMETERS:
            errors.append(field_error(message, _of_url(path)))
        elif not of_body:
            errors.append(field_error(message, "" if path == "data" or " - at `" in message else path))
    return errors + of_body or [{"path": "body", "message": error.detail}]


def _of_body(request: Request[Any, Any, Any]) -> list[FieldError]:
    """All that is wrong with a JSON body; the framework stops at the first fault of an object. Empty when it is not the body."""
    field = getattr(request.route_handler, "parsed_data_field", None)
    body = ScopeState.from_scope(request.scope).json
    if field is None or body is Empty or body is None:
        return []
    return all_field_errors(body, field.annotation, strict=False)


def _of_url(name: str) -> str:
    """The parameter name of a client: a handler's `contact_id` and `from_` are `contactId` and `from`."""
    first, *words = name.rstrip("_").split("_")
    return first + "".join(map(str.capitalize, words))


def problem(error: AppError) -> Response[dict[str, Any]]:
    """RFC 9457 problem details, plus `success: false`, a stable `code` and the list of field errors."""
    shown, more = error.errors[:MAX_SHOWN], len(error.errors) - MAX_SHOWN
    body = {
        "type": f"urn:throughline:problem:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status_code,
        "detail": error.message if more <= 0 else f"{error.message} And {more:,} more.",
        "success": False,
        "code": error.code,
        "errors": shown,
        **error.extra,
    }
    return Response(body, status_code=error.status_code, media_type="application/problem+json", headers=_headers(error))


def _headers(error: AppError) -> dict[str, str]:
    headers = dict(error.headers)
    if isinstance(error, SignedOut):
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def _sign_in(request: Request[Any, Any, Any]) -> str:
    """Where to sign in, and the way back for who only wanted to look."""
    if request.method != "GET":
        return "/sign-in"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?{urlencode({'next': wanted})}"


def _speak(request: Request[Any, Any, Any]) -> None:
    """In the language of the browser where no route was found, so nobody was asked who it is."""
    if "user" not in request.scope:
        translation.use(translation.preferred(request.headers.get("accept-language", "")))


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any] | Template:
    """The one exception handler of the app."""
    app_error = as_app_error(error)
    if isinstance(error, ValidationException):
        app_error.errors = _field_errors(error, _of_body(request))
    if isinstance(app_error, Unavailable):
        if not isinstance(app_error, DiskFull) and transactions.was_committing(request.scope):
            app_error.message = IN_DOUBT + (IN_DOUBT_API if request.url.path.startswith("/api/") else "")
            app_error.for_people = IN_DOUBT
        cause = getattr(error, "orig", None) or error
        log.warning("request.unavailable", path=request.url.path, error=type(cause).__name__, detail=str(cause)[:200])
    elif app_error.status_code >= 500:
        log.error("request.failed", path=request.url.path, status=app_error.status_code, exc_info=error)
    if request.url.path.startswith(PROGRAMS):
        return problem(app_error)
    _speak(request)
    if isinstance(app_error, SignedOut):
        if request.headers.get("hx-request") == "true":
            # No redirect: it would take away the page with all that was typed. `static/session.js` asks to sign in.
            return Response(b"", status_code=401, headers={"X-Session": "over", "HX-Reswap": "none"})
        if request.headers.get("accept", "").startswith("text/event-stream"):
            return Response(b"", status_code=204, headers={"X-Session": "over"})  # which no browser comes back from
        if request.content_type[0] == "application/json":  # a script of ours: a redirect would look like success to it
            return problem(app_error)
        if request.headers.get("sec-fetch-dest") == "iframe":  # a preview: a form to sign in has no place in it
            return Response(app_error.message, media_type=MediaType.TEXT, headers={"X-Session": "over"})
        return Response(b"", status_code=303, headers={"Location": _sign_in(request)})
    if is_partial(request):
        # Nothing is swapped: the page stays as it is and a toast says why. A handler that wants its form back with the
        # faults in it answers 422 itself.
        quiet = {"HX-Reswap": "none", **toast(app_error.for_people, "err"), **_headers(app_error)}
        return page(
            request,
            "errors/error.html",
            block="panel",
            status_code=app_error.status_code,
            headers=quiet,
            error=app_error,
        )
    of_link = request.method == "GET" and app_error.status_code in (400, 422) and bool(request.url.query)
    return page(
        request,
        "errors/error.html",
        status_code=app_error.status_code,
        headers=_headers(app_error),
        error=app_error,
        of_link=of_link,
    )
