"""Query parameters that a route does not know are refused: a misspelt filter must not return everything.

What a route knows is read from the framework's own model of its handler, so it cannot drift from what the handler takes. A
route whose address is given to strangers (links in mails, to which mail programs add their own) says `any_query=True`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from app.errors import BadRequest, FieldError
from app.lib.nearest import nearest
from app.lib.translation import gettext

OPTION = "query_parameters"
MAX_SHOWN = 20
USUAL = {
    "q": "search",
    "query": "search",
    "filter": "search",
    "page": "cursor",
    "offset": "cursor",
    "after": "cursor",
    "per_page": "limit",
    "page_size": "limit",
    "size": "limit",
    "since": "from",
    "until": "to",
    "state": "status",
    "v": "version",
}
"""What other products call parameters of ours."""


class UnknownParameter(BadRequest):
    """Something in the address is not known here, so nothing was looked up. See `errors`."""

    code = "unknown_parameter"


class Parameters(NamedTuple):
    """The query parameters of one handler as clients write them, and those of them that may come several times."""

    known: tuple[str, ...]
    lists: frozenset[str]


def learn(app: Litestar) -> None:
    """Note on every handler of `app` what it takes."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler, model in route.route_handler_map.values():
                wanted = [
                    parameter for parameter in model.expected_query_params if parameter.param_type == ParamType.QUERY
                ]
                handler.opt[OPTION] = Parameters(
                    tuple(sorted(parameter.field_alias for parameter in wanted)),
                    frozenset(parameter.field_alias for parameter in wanted if parameter.is_sequence),
                )


async def refuse_unknown(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard behind the one of roles, so that strangers learn nothing. Raises UnknownParameter."""
    raw = connection.scope.get("query_string", b"")
    if not raw or handler.opt.get("any_query"):
        return
    parameters = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    of_api = connection.scope["path"].startswith("/api/")
    if field_errors := parameter_errors(parameters, handler.opt[OPTION], of_api=of_api):
        raise UnknownParameter(field_errors[0]["message"], errors=field_errors)


def parameter_errors(parameters: Sequence[tuple[str, str]], accepted: Parameters, *, of_api: bool) -> list[FieldError]:
    """What is wrong with the parameters of a request: names, repetitions, and for programs empty values.

    Forms of pages send empty fields for "any"; a program that sends one has lost its value, and would get everything.
    """
    errors: list[FieldError] = []
    for name, count in list(Counter(name for name, _ in parameters).items()):
        if name not in accepted.known:
            message = _for_programs(name[:60], accepted.known) if of_api else _for_people(name[:60], accepted.known)
            errors.append({"path": name[:60], "message": message})
        elif count > 1 and name not in accepted.lists:
            errors.append(
                {"path": name, "message": gettext("Send `%(name)s` once, not %(count)s times.", name=name, count=count)}
            )
        elif of_api and any(key == name and not value.strip() for key, value in parameters):
            errors.append({"path": name, "message": f"`{name}` is empty. Give it a value, or leave it out."})
        if len(errors) == MAX_SHOWN:
            break
    return errors


def _near(name: str, known: Sequence[str]) -> str | None:
    usual = USUAL.get(name.lower())
    return usual if usual in known else nearest(name, known)


def _for_programs(name: str, known: Sequence[str]) -> str:
    if not known:
        return gettext("There is no parameter `%(name)s` here; this address takes none.", name=name)
    near = _near(name, known)
    hint = gettext(" Did you mean `%(near)s`?", near=near) if near else ""
    return gettext(
        "There is no parameter `%(name)s` here.%(hint)s Known are: %(known)s.",
        name=name,
        hint=hint,
        known=", ".join(known),
    )


def _for_people(name: str, known: Sequence[str]) -> str:
    near = _near(name, known)
    return gettext("This page does not know “%(name)s”.", name=name) + (
        gettext(" Did you mean “%(near)s”?", near=near) if near else ""
    )
