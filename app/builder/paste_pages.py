"""What pasted steps name and this workspace does not have: each with what is here of its kind, to be chosen from. Nothing is stored."""

from __future__ import annotations

import json
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.builder.missing_rows import KINDS, asked_at_once, missing_rows, readable_nodes
from app.errors import Invalid
from app.flow.document import most_steps
from app.lib.translation import gettext
from app.models.status import Role
from app.web.fragments import page


@post("/workflows/paste", role=Role.MARKETER, status_code=200)
async def ask_for_missing(request: AppRequest, form_options: NamedDependency[FormOptions]) -> Template | Response[None]:
    """The dialog that asks what stands for what is missing; 204 when nothing is. Form fields: `nodes`, JSON; `names`, JSON: id → name."""
    form = await request.form()
    try:
        nodes, names = json.loads(str(form.get("nodes", ""))), json.loads(str(form.get("names") or "{}"))
    except (ValueError, RecursionError) as error:
        raise Invalid(gettext("These steps could not be read.")) from error
    if not isinstance(nodes, list) or len(nodes) > most_steps():
        raise Invalid(gettext("These steps could not be read."))
    missing = await missing_rows(form_options, readable_nodes(nodes), names=_texts_of(names))
    if not missing:
        return Response(None, status_code=204)
    return page(request, "builder/paste.html", missing=asked_at_once(missing), kinds=KINDS)


def _texts_of(names: Any) -> dict[str, str]:
    entries = names.items() if isinstance(names, dict) else ()
    return {id_: name[:200] for id_, name in entries if isinstance(name, str)}


ROUTES = [ask_for_missing]
