"""Pages and their parts: render ``feature/page.html`` whole, or one named block of it when htmx asks for a part."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2.environment import TemplateModule
from litestar import Request
from litestar.enums import MediaType
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template

from app.lib import clock, formats, translation
from app.web.assets import assets
from app.web.first_look import first_look
from app.web.template_cache import template_cache
from app.web.wording import for_people

COMPONENTS = (
    "icons",
    "status",
    "actions",
    "forms",
    "connectors",
    "layout",
    "lists",
    "folders",
    "json",
    "values",
    "missing",
)
"""Files of `components/` whose macros every template sees as `ui`. Names of macros are unique over all of them."""


class Components:
    """The macros of `components/` as `ui.NAME`, for one rendering: they read the reader's zone, the time and the token of the request.

    A file is only looked into when one of its macros is asked for, because hundreds of cards are rendered that need none.
    """

    def __init__(self, environment: jinja2.Environment, files: Mapping[str, str], context: dict[str, Any]) -> None:
        self._environment, self._files, self._context = environment, files, {**context, "ui": self}

    def __getattr__(self, name: str) -> Any:
        if name not in self._files:
            raise AttributeError(name)
        macros = self._environment.get_template(self._files[name]).make_module(self._context)
        vars(self).update(_public(macros))
        return getattr(macros, name)


def _public(macros: TemplateModule) -> dict[str, Any]:
    return {name: macro for name, macro in vars(macros).items() if not name.startswith("_")}


class PageResponse:
    """A template, or one block of it without the page around. Both see the macros of `components/` as `ui`."""

    def __init__(self, template: jinja2.Template, components: Mapping[str, str], block: str = "") -> None:
        self._template, self._components = template, components
        self._render_block = template.blocks[block] if block else None

    def render(self, **context: Any) -> str:
        context["ui"] = Components(self._template.environment, self._components, context)
        if self._render_block is None:
            return self._template.render(context)
        return "".join(self._render_block(self._template.new_context(context)))


class FragmentEngine(JinjaTemplateEngine):
    """The Jinja engine that understands ``name.html#block`` and has the filters of `app.lib.formats`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        formats.install(self.engine)
        self.engine.filters.update(of_stored=translation.of_stored, for_people=for_people)
        self.engine.add_extension("jinja2.ext.i18n")
        self.engine.policies["ext.i18n.trimmed"] = True
        self.engine.install_gettext_callables(translation.gettext, translation.unfilled_plural, newstyle=True)  # type: ignore[attr-defined]
        self.engine.globals.update(asset=assets().url, module_imports=assets().imports, first_look=first_look())
        self.engine.bytecode_cache = template_cache()

    @functools.cached_property
    def components(self) -> dict[str, str]:
        """The file of each macro, by the macro's name."""
        files = [f"components/{name}.html" for name in COMPONENTS]
        return {macro: file for file in files for macro in _public(self.engine.get_template(file).module)}

    def rendered_module(self, names: list[str], context: dict[str, Any]) -> Any:
        """The first of these templates that is there, rendered: its attributes are what it and those that it extends set."""
        template = self.engine.select_template(names)
        return template.make_module({**context, "ui": Components(self.engine, self.components, context)})

    def get_template(self, template_name: str) -> Any:
        name, _, block = template_name.partition("#")
        return PageResponse(super().get_template(name), self.components, block)


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
    theme = request.cookies.get("theme", "") or getattr(request.scope.get("user"), "theme", "")
    return Template(
        f"{name}#{block}" if partial else name,
        context={
            "request": request,
            "principal": request.scope.get("user"),
            "path": request.url.path,
            "theme": theme if theme in ("light", "dark") else "",
            "language": translation.language(),
            "script_texts": translation.script_texts(translation.language()),
            "now": clock.now(),
            **context,
        },
        media_type=MediaType.HTML,
        status_code=status_code,
        headers={"Vary": "HX-Request", **(headers or {})},
    )
