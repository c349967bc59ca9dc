"""A short sentence after an action. It travels in a cookie over a redirect, or in `HX-Trigger` of an htmx answer.

`static/shell.js` shows it as text (never as HTML) and forgets the cookie.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from litestar import Request, Response
from litestar.datastructures import Cookie

from app.web.wording import for_people

Kind = Literal["ok", "err"]
MAX_COOKIE = 3_500
"""Browsers drop a cookie of more than 4,096 bytes without a word; a longer sentence is cut instead."""


def toast(text: str, kind: Kind = "ok") -> dict[str, str]:
    """Headers of an htmx answer that show `text`: `page(…, headers=toast("Saved"))`."""
    return {"HX-Trigger": json.dumps({"toast": {"text": for_people(text), "kind": kind}})}


def go(
    request: Request[Any, Any, Any],
    to: str,
    text: str | None = None,
    kind: Kind = "ok",
    *,
    acts: Sequence[tuple[str, str]] = (),
) -> Response[bytes]:
    """After a successful POST: send the reader to `to`, with a sentence. Works for forms and for htmx requests.

    `acts`: what can be done next, each as its text and the page of ours where it is done.

    The status is set here, so a handler that returns it needs no `status_code`.
    """
    cookies = []
    if text:
        text = for_people(text)
        more = {"acts": list(acts)} if acts else {}
        value = quote(json.dumps({"text": text, "kind": kind, **more}))
        while len(value) > MAX_COOKIE:
            text = f"{text[: len(text) * 3 // 4]}…"
            value = quote(json.dumps({"text": text, "kind": kind, **more}))
        cookies = [Cookie(key="flash", value=value, max_age=20, path="/", samesite="lax", httponly=False)]
    if request.headers.get("hx-request") == "true":
        return Response(b"", status_code=200, headers={"HX-Redirect": to}, cookies=cookies)
    return Response(b"", status_code=303, headers={"Location": to}, cookies=cookies)
