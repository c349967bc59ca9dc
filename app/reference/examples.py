"""Requests and answers made from schemas, for the reference: something that can be pasted and would be taken."""

from __future__ import annotations

import json
import re
from typing import Any

from app.reference.document import ApiReference, Operation, Schema

DEPTH = 8
FEW = 4
"""An object shows what it requires, and so many other fields when it requires fewer."""
_OF_FORMAT = {
    "uuid": "018f3c5e-7b2a-7c4d-9e1f-2a3b4c5d6e7f",
    "date-time": "2026-03-01T09:00:00Z",
    "date": "2026-03-01",
    "email": "ada@example.com",
    "uri": "https://example.com/hook",
    "time": "09:00",
}
_OF_NAME = {
    "email": "ada@example.com",
    "externalid": "crm-1042",
    "phone": "+14155550123",
    "timezone": "Europe/Berlin",
    "locale": "en-GB",
    "url": "https://example.com/hook",
    "subject": "Welcome",
    "event": "signup.completed",
    "tag": "vip",
    "tags": "vip",
    "addtags": "vip",
    "source": "website",
    "description": "newsletter",
}


def sample(reference: ApiReference, schema: Schema, name: str = "", depth: int = DEPTH) -> Any:
    """A value that fits `schema`, as far as a schema says so."""
    _, body = reference.resolved(schema)
    for shown in (schema, body):
        if shown.get("examples"):
            return shown["examples"][0]
        if "const" in shown:
            return shown["const"]
        if shown.get("default") not in (None, "", [], {}):
            return shown["default"]
    if body.get("enum"):
        return next(value for value in body["enum"])
    choices = [one for one in (*body.get("oneOf", ()), *body.get("anyOf", ())) if one.get("type") != "null"]
    if choices and "properties" not in body:
        return sample(reference, choices[0], name, depth - 1) if depth > 0 else None
    return _of_type(reference, body, name, depth)


def _of_type(reference: ApiReference, body: Schema, name: str, depth: int) -> Any:
    kind = body.get("type")
    if kind == "array":
        return [sample(reference, body.get("items", {}), name, depth - 1)] if depth > 0 and body.get("items") else []
    if kind in ("integer", "number"):
        return body.get("minimum", 1)
    if kind == "boolean":
        return True
    if kind == "string":
        return _text(body, name)
    return _object(reference, body, depth) if depth > 0 else {}


def _object(reference: ApiReference, body: Schema, depth: int) -> dict[str, Any]:
    fields = body.get("properties", {})
    required = [one for one in body.get("required", ()) if one in fields]
    more = [one for one in fields if one not in required][: max(0, FEW - len(required))]
    return {one: sample(reference, fields[one], one, depth - 1) for one in fields if one in required or one in more}


def _text(body: Schema, name: str) -> str:
    text = _OF_FORMAT.get(body.get("format", "")) or _OF_NAME.get(name.lower(), "Welcome" if name else "text")
    least = body.get("minLength", 0)
    return (text * (1 + least // len(text)) if len(text) < least else text)[: body.get("maxLength")]


def curl(reference: ApiReference, operation: Operation) -> str:
    """The request as a command of a shell, with the key and the ids of the path as its variables."""
    path = re.sub(r"\{(\w+)\}", lambda match: f"${_variable(match[1])}", operation.path)
    query = "&".join(
        f"{row.name}={row.values[0] if row.values else row.default or 'VALUE'}"
        for row in operation.parameters.get("query", ())
        if row.required
    )
    lines = [f'curl "{reference.address}{path}{"?" + query if query else ""}"', '-H "Authorization: Bearer $KEY"']
    if operation.method != "GET":
        lines[0] = lines[0].replace("curl ", f"curl -X {operation.method} ", 1)
    lines += [f'-H "{row.name}: VALUE"' for row in operation.parameters.get("header", ()) if row.required]
    if operation.body is not None and operation.media_type == "application/json":
        body = as_text(sample(reference, operation.body)).replace("'", "'\\''")
        lines += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    elif operation.media_type == "multipart/form-data":
        lines.append("-F file=@contacts.csv")
    elif operation.body is not None:
        lines += [f'-H "Content-Type: {operation.media_type}"', "--data-binary @contacts.csv"]
    return " \\\n  ".join(lines)


def as_text(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _variable(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
