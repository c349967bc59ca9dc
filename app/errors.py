"""One family of errors. Each carries an HTTP status and a stable code; its docstring is the default message.

A message says what to do next, in English; pages show it in the language of the reader, with a sentence of its own (`people`) or without
those that hold words of the API in backticks. `app.web.problems` turns these into problem+json for programs and a designed page for people.
"""

from __future__ import annotations

import inspect
from typing import Any, NotRequired, TypedDict


class FieldError(TypedDict):
    """One thing wrong with the input: where (`nodes[2].data.duration`) and what would be right.

    `nodeId` names the step of a workflow, because its index moves when another one is removed.
    """

    path: str
    message: str
    nodeId: NotRequired[str]


class AppError(Exception):
    """Something went wrong on our side. Try again; if it stays, look at the server log."""

    status_code = 500
    code = "internal_error"
    people: str = ""
    """What pages say instead of the docstring, where that speaks to programs."""
    retry_after: int | None = None
    """Seconds after which trying again makes sense; sent as `Retry-After`."""

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        retry_after: int | None = None,
        **extra: Any,
    ) -> None:
        """`retry_after` is in seconds; `extra` becomes members of the problem document."""
        self.message = message or inspect.getdoc(type(self)) or self.code
        self.for_people = message or vars(type(self)).get("people") or self.message
        self.errors = errors or []
        self.headers = headers or {}
        self.extra = extra
        if retry_after is not None:
            self.retry_after = retry_after
        if code is not None:
            self.code = code
        super().__init__(self.message)


class Invalid(AppError):
    """The request does not fit. Look at `errors` for each field and what it should be."""

    status_code = 422
    code = "invalid"
    people = "Some fields need another look."


class BadRequest(AppError):
    """The request could not be read. Send well-formed JSON."""

    status_code = 400
    code = "bad_request"
    people = "The request could not be read. Load the page again."


class SignedOut(AppError):
    """Sign in, or send a valid API key as `Authorization: Bearer …`."""

    status_code = 401
    code = "not_authenticated"
    people = "Sign in first."


class Forbidden(AppError):
    """Your role may not do this. Ask an admin of the workspace."""

    status_code = 403
    code = "forbidden"


class NotFound(AppError):
    """There is nothing here. It may have been deleted, or belong to another workspace."""

    status_code = 404
    code = "not_found"


class Conflict(AppError):
    """Somebody changed this in the meantime. Load it again and repeat your change."""

    status_code = 409
    code = "conflict"


class MethodNotAllowed(AppError):
    """This address does not take this method. Look at the API documentation at /docs/api."""

    status_code = 405
    code = "method_not_allowed"
    people = "This cannot be done here. Load the page again."


class WrongContentType(AppError):
    """The body is of the wrong kind. Send `Content-Type: application/json`."""

    status_code = 415
    code = "wrong_content_type"
    people = "What was sent is of the wrong kind. Load the page again."


class TooLarge(AppError):
    """The request body is too large. Split it into smaller parts."""

    status_code = 413
    code = "too_large"
    people = "This is too large. Send it in smaller parts."


class TooMany(AppError):
    """Too many attempts. Wait a minute and try again."""

    status_code = 429
    code = "too_many_requests"


class Unavailable(AppError):
    """The database does not answer. Nothing was changed; try again in a moment."""

    status_code = 503
    code = "unavailable"
    retry_after = 5


class TookTooLong(Unavailable):
    """The server could not get this done in time and gave up. Nothing was changed; try again in a moment."""

    code = "took_too_long"


class DiskFull(Unavailable):
    """There is no room left on the server's disk. Nothing was changed; try again when somebody has made room."""

    code = "disk_full"
    retry_after = 30
