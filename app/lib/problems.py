"""Errors on their way out: problem+json under `/api/`, a designed page (or an htmx toast) for people.

The database being away is 503, whatever layer noticed it: advanced-alchemy would call it a conflict.
"""

from __future__ import annotations

from typing import Any

import psycopg
import structlog
from advanced_alchemy.exceptions import AdvancedAlchemyError
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.response import Template
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import AppError, BadRequest, Complaint, Forbidden, Invalid, NotFound, SignedOut, TooLarge, Unavailable
from app.lib.complaints import complaint
from app.lib.flash import toast
from app.lib.fragments import is_partial, page

log = structlog.get_logger()
_AWAY = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError)
_BY_STATUS: dict[int, type[AppError]] = {400: BadRequest, 401: SignedOut, 403: Forbidden, 404: NotFound, 413: TooLarge}


def _path_of(key: str) -> str:
    return "" if key == "data" else key.removeprefix("data.").removeprefix("$.").removeprefix("$")


def _complaints(error: ValidationException) -> list[Complaint]:
    found: list[Complaint] = []
    for extra in error.extra if isinstance(error.extra, list) else []:
        if isinstance(extra, dict):
            message, key = str(extra.get("message", "")), str(extra.get("key") or "")
            found.append(complaint(message, "" if " - at `" in message else _path_of(key)))
    return found


def as_app_error(error: Exception) -> AppError:
    """The member of our family that says what `error` means to a client."""
    if isinstance(error, AppError):
        return error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _AWAY) or (isinstance(cause, DBAPIError) and cause.connection_invalidated):
            return Unavailable()
        cause = cause.__cause__
    if isinstance(error, ValidationException):
        complaints = _complaints(error)
        if not complaints and "JSON" in error.detail:
            return BadRequest(f"The body is not well-formed JSON: {error.detail}")
        return Invalid(errors=complaints or [{"path": "body", "message": error.detail}])
    if isinstance(error, HTTPException):
        kind = _BY_STATUS.get(error.status_code)
        if isinstance(error, NotAuthorizedException):
            return SignedOut()
        if kind is not None:
            return kind(error.detail if error.status_code in (400, 413) else None)
        made = AppError(error.detail)
        made.status_code, made.code = error.status_code, f"http_{error.status_code}"
        return made
    if isinstance(error, AdvancedAlchemyError):
        log.error("database.error", error=type(error).__name__, exc_info=error)
    return AppError()


def problem(error: AppError) -> Response[dict[str, Any]]:
    """RFC 9457 problem details, plus `success: false`, a stable `code` and the list of complaints."""
    body = {
        "type": f"urn:throughline:problem:{error.code}",
        "title": type(error).__name__ if error.status_code >= 500 else error.code.replace("_", " ").capitalize(),
        "status": error.status_code,
        "detail": error.message,
        "success": False,
        "code": error.code,
        "errors": error.errors,
        **error.extra,
    }
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return Response(body, status_code=error.status_code, media_type="application/problem+json", headers=headers)


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any] | Template:
    """The one exception handler of the app."""
    told = as_app_error(error)
    if told.status_code >= 500:
        log.error("request.failed", path=request.url.path, status=told.status_code, exc_info=error)
    if request.url.path.startswith("/api/") or request.url.path.startswith("/health"):
        return problem(told)
    if isinstance(told, SignedOut):
        target = "/sign-in" if request.method != "GET" else f"/sign-in?next={request.url.path}"
        if request.headers.get("hx-request") == "true":
            return Response(b"", status_code=401, headers={"HX-Redirect": target})
        return Response(b"", status_code=303, headers={"Location": target})
    if is_partial(request):
        # Nothing is swapped: the page stays as it is and a toast says why. A handler that wants its form back with the
        # complaints in it answers 422 itself.
        quiet = {"HX-Reswap": "none", **toast(told.message, "err")}
        return page(
            request, "errors/error.html", block="panel", status_code=told.status_code, headers=quiet, error=told
        )
    return page(request, "errors/error.html", status_code=told.status_code, error=told)
