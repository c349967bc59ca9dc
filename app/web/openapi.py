"""The OpenAPI document: the API only, with its key, its tags, and what every route may answer when it refuses."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

import msgspec
from litestar import Litestar, Router
from litestar._openapi.plugin import OpenAPIPlugin
from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Discriminator, OpenAPIType, Reference, Schema, SecurityScheme, Tag
from litestar.serialization import encode_json
from litestar.typing import FieldDefinition

from app.lib.field_errors import is_left_out

_TEXT = """Marketing workflows by API. Send `Authorization: Bearer <key>`.

Answers are `{"success": true, "data": …, "meta": {…}}`; refusals are problem documents (RFC 9457) with `"success": false`, a stable
`code` and a list of `errors` with `path` and `message`. A query parameter that a route does not know is refused with 400, so that no
filter is ever skipped.

A key has a role, and may be narrowed to scopes; each operation says which it needs. Writing does not include reading.

Lists take `limit` (1 to 100) and `cursor`, and answer `meta.nextCursor`.

Every POST takes an `Idempotency-Key`: the same request sent again with the same key of the API gets the same answer, with
`Idempotency-Replayed: true`, but for secrets, which are shown once.

`RateLimit` and `RateLimit-Policy` say how many requests are left; 429 says in `Retry-After` how long to wait."""


class InvalidField(msgspec.Struct):
    """One thing wrong with the input."""

    path: str
    message: str


class ProblemDetails(msgspec.Struct):
    """Why a request was refused, and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[InvalidField]
    success: Literal[False] = False


_WHEN = {
    400: "The request could not be read, or its address has a query parameter that is unknown, repeated or empty.",
    401: "No key, or one that is unknown, revoked or expired.",
    403: "The key's role may not do this, or it lacks the scope (`missing_scope`, which `scope` names).",
    404: "There is nothing here for this workspace.",
    408: "The body came too slowly and was cut off. Nothing was changed.",
    409: "The state of things does not allow it, or the same Idempotency-Key is at work.",
    413: "The body is too large.",
    415: "The body is of the wrong content type.",
    422: "Something in the request does not fit; `errors` says where.",
    428: "Say in `If-Match` which revision the change stands on.",
    429: "Too many requests in a short time; `Retry-After` says how many seconds to wait.",
    503: "The database does not answer. Nothing was changed.",
}


def describe(handler: Any) -> None:
    """Leave pages out of the document, and addresses that a trigger has of its own; give API routes the refusals that they share and
    what a key needs for them."""
    if not isinstance(handler, HTTPRouteHandler):
        return
    if not all(path.startswith("/api/v1/") for path in handler.paths):
        handler.include_in_schema = False
        return
    statuses = {400, 401, 403, 422, 429, 503}
    if any("{" in path for path in handler.paths):
        statuses.add(404)
    if handler.http_methods - {"GET", "HEAD"}:
        statuses |= {404, 408, 409, 413, 415}  # a body names things too
    if "if_match" in inspect.signature(handler.fn).parameters:
        statuses.add(428)
    shared = {
        status: ResponseSpec(
            ProblemDetails, description=_WHEN[status], media_type="application/problem+json", generate_examples=False
        )
        for status in sorted(statuses)
    }
    handler.responses = {**shared, **(handler.responses or {})}
    scope = handler.opt.get("scope")
    handler.security = [{"key": [str(scope)] if scope else []}]
    if "role" in handler.opt:
        needs = f"Role: `{handler.opt['role']}`. " + (f"Scope: `{scope}`." if scope else "Any key may ask.")
        description = handler.description or inspect.getdoc(getattr(handler, "fn", None)) or ""
        handler.description = description if needs in description else f"{description}\n\n{needs}".strip()


OWN_SCHEMAS: dict[type[msgspec.Struct], Callable[[SchemaCreator], Schema]] = {}
"""Structs whose schema says more than their fields do, with what makes it: a feature whose types come along puts them here."""


def reference(schema_creator: SchemaCreator, annotation: Any) -> Schema | Reference:
    """The schema of a type; of a struct a reference to its component."""
    return schema_creator.for_field_definition(FieldDefinition.from_annotation(annotation))


@dataclass
class ByReference(Discriminator):
    """Names components as they are called in the end: they get their short names when all are known."""

    components: dict[str, Reference] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        mapping = {value: component.ref for value, component in self.components.items()}
        return {"propertyName": self.property_name, "mapping": mapping}


def variant(base: type[msgspec.Struct], name: str, types: Mapping[str, Any], **defaults: Any) -> type[msgspec.Struct]:
    """`base` under another name, whose fields `types` are of these types; those that have `defaults` may be left out."""
    hints = get_type_hints(base, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for one in msgspec.structs.fields(base):
        kind = types.get(one.name, hints[one.name])
        if one.name in defaults:
            fields.append((one.name, kind, defaults[one.name]))
        elif one.name in types or one.required:
            fields.append((one.name, kind))
        elif one.default_factory is not msgspec.NODEFAULT:
            fields.append((one.name, kind, msgspec.field(default_factory=one.default_factory)))
        else:
            fields.append((one.name, kind, one.default))
    strict = base.__struct_config__.forbid_unknown_fields
    namespace = {"__doc__": base.__doc__}
    return msgspec.defstruct(
        name, fields, rename="camel", kw_only=True, forbid_unknown_fields=strict, namespace=namespace
    )


def component(schema_creator: SchemaCreator, struct: type[msgspec.Struct]) -> Schema:
    """The component of a struct, to be filled in; empty when nothing asked for it before."""
    schema = schema_creator.schema_registry.get_schema_for_field_definition(FieldDefinition.from_annotation(struct))
    schema.title, schema.type = schema.title or struct.__name__, OpenAPIType.OBJECT
    return schema


def one_of(
    schema_creator: SchemaCreator,
    union: type[msgspec.Struct],
    by: str,
    structs: Mapping[str, type[msgspec.Struct]],
    other: type[msgspec.Struct] | None = None,
) -> Schema:
    """The component of `union` as a union of these structs, discriminated by their field `by`.

    `other`: the last member, for all other values.
    """
    schema = component(schema_creator, union)
    references = {value: reference(schema_creator, struct) for value, struct in structs.items()}
    schema.one_of = list(references.values())
    if other is not None:
        schema.one_of.append(reference(schema_creator, other))
        taken = Schema(enum=list(structs))
        component(schema_creator, other).properties[by] = Schema(type=OpenAPIType.STRING, schema_not=taken)  # type: ignore[index]
    components = {value: one for value, one in references.items() if isinstance(one, Reference)}
    schema.discriminator = ByReference(by, components=components)
    return schema


class StrictStructs(StructSchemaPlugin):
    """Says of bodies that they take no other members, where the product refuses those, and which it takes and leaves out."""

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        if variants := OWN_SCHEMAS.get(field_definition.type_):
            return variants(schema_creator)
        return self.members(field_definition, schema_creator)

    def members(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        """What the fields of a struct say."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        struct = field_definition.type_
        if struct.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        names = [one.encode_name for one in msgspec.structs.fields(struct) if is_left_out(one.type)]
        schema.properties = {name: one for name, one in (schema.properties or {}).items() if name not in names}
        if names:
            schema.pattern_properties = {f"^({'|'.join(names)})$": Schema(description="Accepted and left out.")}
        return schema


def members(schema_creator: SchemaCreator, struct: type[msgspec.Struct]) -> Schema:
    """What the fields of a struct say, for a schema of `OWN_SCHEMAS` that says more."""
    return StrictStructs().members(FieldDefinition.from_annotation(struct), schema_creator)


def config(tags: list[Tag]) -> OpenAPIConfig:
    """`/docs/openapi/openapi.json`; `/docs/api` shows it. `tags` are the groups of operations."""
    return OpenAPIConfig(
        title="Throughline",
        version="1.0",
        description=_TEXT,
        components=Components(
            security_schemes={
                "key": SecurityScheme(type="http", scheme="bearer", description="An API key, `tl_…`, from Settings.")
            }
        ),
        security=[{"key": []}],
        use_handler_docstrings=True,
        tags=tags,
        openapi_router=Router(
            "/docs/openapi", route_handlers=[], opt={"public": True, "any_query": True}, include_in_schema=False
        ),
        render_plugins=[JsonRenderPlugin()],
    )


def document(app: Litestar) -> bytes:
    """The document of `app` as JSON. Making it takes a second the first time."""
    return encode_json(app.plugins.get(OpenAPIPlugin).provide_openapi_schema())
