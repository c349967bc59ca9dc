"""What a template has beside its parts, as its channel says it: read from documents, and shown with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec
from litestar.datastructures import FormMultiDict

from app.errors import FieldError, Invalid
from app.lib.field_errors import all_field_errors
from app.lib.translation import gettext
from app.messaging.channels.channel import ChannelType


def template_content(channel: type[ChannelType] | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    """`sent` as it is stored: checked by the channel's `Content`, without what is as by itself. Raises Invalid below `content`."""
    if channel is None or channel.Content is None:
        if sent:
            raise Invalid(
                errors=[FieldError(path="content", message=gettext("Templates of this channel have no `content`."))]
            )
        return {}
    if faults := all_field_errors(dict(sent), channel.Content, "content"):
        raise Invalid(errors=faults)
    content = msgspec.convert(sent, channel.Content)
    stored, defaults = msgspec.to_builtins(content), msgspec.to_builtins(channel.Content())
    return {name: value for name, value in stored.items() if value != defaults[name]}


def shown_content(channel: type[ChannelType] | None, stored: Mapping[str, Any]) -> dict[str, Any]:
    """`stored` with the defaults of what is absent; of a channel that is not installed (any more) as it stands."""
    if channel is None or channel.Content is None:
        return dict(stored)
    shown: dict[str, Any] = msgspec.to_builtins(channel.Content()) | dict(stored)
    return shown


def content_form(channel: type[ChannelType], form: FormMultiDict) -> dict[str, Any]:
    """The controls of the editor whose names begin with `content.`, as a document.

    A list has a control of the same name for each of its texts; a list of structs one for each field of each (`content.buttons.value`).
    Rows at the end that say nothing are left out.
    """
    fields = msgspec.structs.fields(channel.Content) if channel.Content is not None else ()
    document: dict[str, Any] = {}
    for field in fields:
        name = f"content.{field.encode_name}"
        item = _item_of(field.type)
        if item is None:
            if name in form:
                document[field.encode_name] = _text(form.get(name))
        elif item is str:
            document[field.encode_name] = _without_blank_end([_text(one) for one in form.getall(name, [])])
        else:
            names = [of_item.encode_name for of_item in msgspec.structs.fields(item)]
            columns = [[_text(one) for one in form.getall(f"{name}.{of_item}", [])] for of_item in names]
            rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=False)]
            document[field.encode_name] = _without_blank_end(rows)
    return document


def _text(value: Any) -> str:
    return str(value).replace("\r\n", "\n").replace("\x00", "")


def _item_of(kind: Any) -> Any:
    """What a list holds; None for what is no list."""
    kind = _plain(kind)
    return _plain(get_args(kind)[0]) if get_origin(kind) is list else None


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _without_blank_end(rows: list[Any]) -> list[Any]:
    while rows and not str(rows[-1].get("value", "") if isinstance(rows[-1], dict) else rows[-1]).strip():
        rows.pop()
    return rows
