"""The OpenAPI document as the reference shows it: resources, their operations, and rows of fields instead of nested schemas.

All of it is read from the document once. A row holds the fields of what it contains down to `DEPTH` levels; below that it names the
schema, which has a page of its own, so that no page grows with how deep the types of an install are nested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any

from markupsafe import Markup

from app.flow.presentation import markdown

DEPTH = 2
"""Levels of fields in one table: those of the body, and those of its objects."""
METHODS = ("get", "post", "put", "patch", "delete")
_PREFIX = "#/components/schemas/"
_NAME = re.compile(r"^(?:\w+_)?app\.[\w.]*?\.?(\w+?)_$")
"""The name that generic types get, `Envelope_app.contacts.schemas.ContactOut_`."""
_BOUNDS = ("minLength", "maxLength", "pattern", "minItems", "maxItems", "minimum", "maximum")
"""A field that may be left out has them beside the choice that wraps its type."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class FieldRow:
    """One parameter, or one field of a body or an answer."""

    name: str
    type: str
    """In words of JSON: `string (uuid) or null`, `array of Tag`."""
    required: bool
    description: Markup
    limits: tuple[str, ...] = ()
    """What values must keep to: `at most 200 characters`."""
    values: tuple[str, ...] = ()
    """All values that there are, where they are few."""
    default: str = ""
    schema: str = ""
    """The component that says more; it has a page."""
    fields: tuple[FieldRow, ...] = ()
    variants: tuple[tuple[str, str], ...] = ()
    """(value of the discriminator, component) of each kind that it may be."""


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    anchor: str
    method: str
    path: str
    summary: str
    description: Markup
    resource: str
    """The slug of its page."""
    needs: tuple[str, ...]
    """The scopes that a key needs."""
    parameters: Mapping[str, tuple[FieldRow, ...]]
    """By where they stand: path, query, header."""
    body: Schema | None
    media_type: str
    answers: tuple[tuple[str, str, Schema | None, str], ...]
    """(status, meaning, schema, media type) of what is no refusal."""
    refusals: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Resource:
    """One group of operations, which has a page."""

    slug: str
    name: str
    description: Markup
    operations: tuple[Operation, ...]


class ApiReference:
    """The document, read. `source` is the parsed JSON; `address` is that of the product, without a slash at its end."""

    def __init__(self, source: Mapping[str, Any], address: str) -> None:
        self.source, self.address = source, address
        self.views: dict[str, Any] = {}
        """What pages show of a resource, by its slug, once somebody asked for it."""
        self.schemas: Mapping[str, Schema] = source["components"]["schemas"]
        self._schema_rows: dict[str, FieldRow] = {}

    def render(self) -> None:
        """Render the Markdown that all pages share, which takes a while: call it outside of the event loop."""
        _ = self.introduction, self.resources

    @cached_property
    def introduction(self) -> Markup:
        """What holds for all operations."""
        return markdown(self.source["info"].get("description", ""))

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        """By slug, in the order of the document's tags."""
        of_tag: dict[str, list[Operation]] = {tag["name"]: [] for tag in self.source["tags"]}
        for path, methods in self.source["paths"].items():
            for method in METHODS:
                if operation := methods.get(method):
                    tag = (operation.get("tags") or ["Other"])[0]
                    of_tag.setdefault(tag, []).append(self._operation(path, method, tag, operation))
        about = {tag["name"]: tag.get("description", "") for tag in self.source["tags"]}
        resources = [
            Resource(slug(tag), tag, markdown(about.get(tag, "")), tuple(sorted(all_of, key=_by_place)))
            for tag, all_of in of_tag.items()
            if all_of
        ]
        return {one.slug: one for one in resources}

    def search(self, text: str, limit: int) -> list[Operation]:
        """Operations in whose summary, address, method or resource all words of `text` stand."""
        words = text.lower().split()
        fitting: list[Operation] = []
        for resource in self.resources.values():
            for one in resource.operations:
                stands_in = f"{one.method} {one.path} {one.summary} {resource.name}".lower()
                if len(fitting) < limit and all(word in stands_in for word in words):
                    fitting.append(one)
        return fitting

    def rows(self, schema: Schema | None, depth: int = DEPTH) -> tuple[FieldRow, ...]:
        """The fields of an object, with those of its objects down to `depth`."""
        _, body = self.resolved(schema or {})
        if item := _item(body):
            _, body = self.resolved(item)
        required = body.get("required", ())
        return tuple(
            self.row(name, one, name in required, depth - 1) for name, one in body.get("properties", {}).items()
        )

    def row(self, name: str, schema: Schema, required: bool, depth: int = 0, description: str = "") -> FieldRow:
        """One field. Its own description goes before that of its type."""
        component, body = self.resolved(schema)
        inner_name, inner = self.resolved(_item(body) or body)
        fields = self.rows(inner, depth) if depth > 0 and not self._variants(inner) else ()
        default = schema.get("default", body.get("default"))
        return FieldRow(
            name=name,
            type=self.type_text(schema),
            required=required,
            description=markdown(description or _description(schema)),
            limits=_limits(body) + (_limits(inner) if inner is not body else ()),
            values=tuple(_printed(value) for value in inner.get("enum", ())),
            default="" if default is None or default in ([], {}) else _printed(default),
            schema=(inner_name or component) if inner.get("properties") and not fields else "",
            fields=fields,
            variants=self._variants(inner),
        )

    def schema_row(self, name: str) -> FieldRow:
        """What the page of a schema shows, rendered once."""
        row = self._schema_rows.get(name)
        if row is None:
            row = self._schema_rows[name] = self.row("", self.schemas[name], True, depth=2)
        return row

    short = staticmethod(lambda name: short(name))

    def resolved(self, schema: Schema) -> tuple[str, Schema]:
        """(name of the component or empty, the schema itself), without what only wraps it: a reference, a choice of one, null."""
        name = ""
        for _ in range(10):
            if ref := schema.get("$ref"):
                name = str(ref).removeprefix(_PREFIX)
                schema = self.schemas.get(name, {})
                continue
            choices = [one for one in _choices(schema) if one.get("type") != "null"]
            if len(choices) != 1 or "properties" in schema:
                break
            schema = {**{bound: schema[bound] for bound in _BOUNDS if bound in schema}, **choices[0]}
        return name, schema

    def type_text(self, schema: Schema) -> str:
        """The type in words of JSON."""
        name, body = self.resolved(schema)
        null = " or null" if _nullable(schema) else ""
        if (item := _item(body)) is not None:
            return f"array of {self.type_text(item)}{null}" if item else f"array{null}"
        if "const" in body:
            return _printed(body["const"]) + null
        if choices := [one for one in _choices(body) if one.get("type") != "null"]:
            words = list(dict.fromkeys(self.type_text(one) for one in choices))
            return (short(name) or " or ".join(words[:4])) + null
        kind = body.get("type") or ("string" if "enum" in body else "any")
        kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
        if kind == "object" and isinstance(values := body.get("additionalProperties"), Mapping) and values:
            return f"object of {self.type_text(values)}{null}"
        if kind == "object" and name:
            return short(name) + null
        return (f"{kind} ({body['format']})" if body.get("format") else kind) + null

    def _variants(self, body: Schema) -> tuple[tuple[str, str], ...]:
        if mapping := body.get("discriminator", {}).get("mapping"):
            return tuple((value, str(ref).removeprefix(_PREFIX)) for value, ref in mapping.items())
        components = [self.resolved(one)[0] for one in _choices(body)]
        return tuple((short(name), name) for name in components if name) if len(components) > 1 else ()

    def _operation(self, path: str, method: str, tag: str, operation: Mapping[str, Any]) -> Operation:
        parameters: dict[str, list[FieldRow]] = {}
        for one in operation.get("parameters", ()):
            row = self.row(
                one["name"], one.get("schema", {}), one.get("required", False), 0, one.get("description", "")
            )
            row = replace(row, type=row.type.removesuffix(" or null"))  # there is no null in an address: it is left out
            parameters.setdefault(one["in"], []).append(row)
        content = operation.get("requestBody", {}).get("content", {})
        media_type = next(iter(content), "")
        answers = sorted(operation["responses"].items())
        return Operation(
            anchor=slug(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", operation["operationId"].removeprefix("ApiV1"))),
            method=method.upper(),
            path=path,
            summary=operation.get("summary", ""),
            description=markdown(operation.get("description", "")),
            resource=slug(tag),
            needs=tuple(scope for one in operation.get("security", ()) for scope in one.get("key", ())),
            parameters={place: tuple(rows) for place, rows in parameters.items()},
            body=content.get(media_type, {}).get("schema"),
            media_type=media_type,
            answers=tuple(
                (status, _meaning(status, one["description"]), *_content(one))
                for status, one in answers
                if status.startswith("2")
            ),
            refusals=tuple((status, one["description"]) for status, one in answers if not status.startswith("2")),
        )


def slug(text: str) -> str:
    """`Contact imports` as `contact-imports`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def short(name: str) -> str:
    """The name of a component without that of its module."""
    generic = _NAME.match(name)
    return generic[1] if generic else name.rsplit(".", 1)[-1]


def _by_place(operation: Operation) -> tuple[int, str]:
    """The list of things first, then one thing, then what is done with it."""
    return operation.path.count("/"), operation.path


def _meaning(status: str, description: str) -> str:
    """What an answer means; where a route says nothing of its own the library gives the text of the standard, which says less."""
    standard = HTTPStatus(int(status))
    return standard.phrase if description == standard.description else description


def _choices(schema: Schema) -> list[Schema]:
    return [*schema.get("oneOf", ()), *schema.get("anyOf", ())]


def _nullable(schema: Schema) -> bool:
    return any(one.get("type") == "null" or _nullable(one) for one in _choices(schema))


def _item(schema: Schema) -> Schema | None:
    return schema.get("items") if schema.get("type") == "array" else None


def _description(schema: Schema) -> str:
    inside: Iterator[str] = (_description(one) for one in _choices(schema))
    return str(schema.get("description") or next((one for one in inside if one), ""))


def _content(answer: Mapping[str, Any]) -> tuple[Schema | None, str]:
    for media_type, content in answer.get("content", {}).items():
        return content.get("schema"), media_type
    return None, ""


def _printed(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _limits(body: Schema) -> tuple[str, ...]:
    """The bounds of a value, in words."""
    low, high = body.get("minLength"), body.get("maxLength")
    few, many = body.get("minItems"), body.get("maxItems")
    least, most = body.get("minimum"), body.get("maximum")
    limits = [_between(low, high, "characters"), _between(few, many, "items"), _between(least, most, "")]
    if above := body.get("exclusiveMinimum"):
        limits.append(f"above {above}")
    if (pattern := body.get("pattern")) and "\\x00" not in pattern:  # that no text holds control characters is no news
        limits.append(f"matches {pattern}")
    return tuple(one for one in limits if one)


def _between(low: object, high: object, unit: str) -> str:
    if low is None and high is None:
        return ""
    bounds = (
        f"at least {low}" if high is None else f"at most {high}" if low in (None, 0) and unit else f"{low} to {high}"
    )
    if low is None and not unit:
        bounds = f"at most {high}"
    return f"{bounds} {unit}".strip()
