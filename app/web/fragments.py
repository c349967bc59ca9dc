"""Pages and their parts: render ``feature/page.html`` whole, or one named block of it when htmx asks for a part."""

from __future__ import annotations

from typing import Any

import jinja2
from litestar import Request
from litestar.enums import MediaType
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template

from app.lib import clock, formats
from app.web.assets import assets

COMPONENTS = "components/ui.html"


class PageResponse:
    """A template, or one block of it without the page around. Both see the macros of `components/ui.html` as `ui`."""

    def __init__(self, template: jinja2.Template, components: jinja2.Template, block: str = "") -> None:
        self._template, self._components = template, components
        self._render_block = template.blocks[block] if block else None

    def render(self, **context: Any) -> str:
        # Made per rendering, because the macros read the reader's zone, the time and the theme of the request.
        context["ui"] = self._components.make_module(context)
        if self._render_block is None:
            return self._template.render(context)
        return "".join(self._render_block(self._template.new_context(context)))


class FragmentEngine(JinjaTemplateEngine):
    """The Jinja engine that understands ``name.html#block`` and has the filters of `app.lib.formats`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        formats.install(self.engine)
        self.engine.globals.update(asset=assets().url, module_imports=assets().imports)

    def get_template(self, template_name: str) -> Any:
        name, _, block = template_name.partition("#")
        return PageResponse(super().get_template(name), super().get_template(COMPONENTS), block)


def is_partial(request: Request[Any, Any, Any]) -> bool:
    """Does htmx ask for a part of the page? Boosted links and history restores want all of it."""
    headers = request.headers
    return (
        headers.get("hx-request") == "true"
        and headers.get("hx-boosted") != "true"
        and headers.get("hx-history-restore-request") != "true"
    )


def page(
    request: Request[Any, Any, Any],
    name: str,
    /,
    *,
    block: str | None = None,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Template:
    """The page `name`, or only its `block` for a partial htmx request. Adds principal, theme and the time to the context."""
    partial = block is not None and is_partial(request)
    theme = request.cookies.get("theme", "")
    return Template(
        f"{name}#{block}" if partial else name,
        context={
            "request": request,
            "principal": request.scope.get("user"),
            "path": request.url.path,
            "theme": theme if theme in ("light", "dark") else "",
            "now": clock.now(),
            **context,
        },
        media_type=MediaType.HTML,
        status_code=status_code,
        headers={"Vary": "HX-Request", **(headers or {})},
    )
