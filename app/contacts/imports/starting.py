"""Checks the decisions about a file: an import does not start while it is open who may be written to."""

from __future__ import annotations

from app.contacts.imports import columns, optouts
from app.contacts.imports.cells import Notation
from app.contacts.imports.columns import Target
from app.contacts.imports.schemas import StartIn, StoredMapping
from app.errors import FieldError
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.values import contact_fields


def settle(stored: StoredMapping, start: StartIn, country: str | None) -> list[FieldError]:
    """Write the decision into `stored`; everything that is still wrong with it. `country` is the workspace's."""
    field_errors: list[FieldError] = []
    stored.mapping = stored.guess if start.mapping is None else _mapping(start, stored, field_errors)
    if not any(target.to in ("email", "externalId") for target in stored.mapping.values()) and not field_errors:
        message = gettext("Map a column to email or externalId, so that each row finds its contact.")
        field_errors.append({"path": "mapping", "message": message})
    stored.emit_events, stored.tags = start.emit_events, []
    for number, tag in enumerate(start.tags):
        try:
            stored.tags.append(contact_fields.tag(tag))
        except contact_fields.BadField as error:
            field_errors.append({"path": f"tags[{number}]", "message": str(error)})
    try:
        country = contact_fields.country(start.country or "") or country
    except contact_fields.BadField:
        message = gettext("There is no country of this code. Send two letters of ISO 3166, like DE.")
        field_errors.append({"path": "country", "message": message})
    stored.notation = Notation(
        decimal_mark=start.decimal_mark or stored.notation.decimal_mark,
        date_order=start.date_order or stored.notation.date_order,
        country=country,
    )
    field_errors += _dates(stored)
    field_errors += _opt_outs(stored, start)
    return field_errors


def _mapping(start: StartIn, stored: StoredMapping, field_errors: list[FieldError]) -> dict[str, Target]:
    mapping: dict[str, Target] = {}
    column_by_target: dict[str, str] = {}
    for column, to in (start.mapping or {}).items():
        if column not in stored.format.columns:
            field_errors.append(
                {"path": f"mapping.{column}", "message": gettext("The file has no column of this name.")}
            )
            continue
        if to is None or to == "":
            continue
        target = Target(to) if isinstance(to, str) else to
        if wrong := columns.target_error(target):
            field_errors.append({"path": f"mapping.{column}", "message": wrong})
        elif target.to in column_by_target and target.to != "tags" and target.group != "consent":
            message = gettext(
                "The column %(column_by_target)s goes to %(to)s already.",
                column_by_target=column_by_target[target.to],
                to=target.to,
            )
            field_errors.append({"path": f"mapping.{column}", "message": message})
        else:
            column_by_target[target.to] = column
            mapping[column] = target
    return mapping


def _dates(stored: StoredMapping) -> list[FieldError]:
    unclear = [name for name in stored.unclear_dates if name in stored.mapping and stored.mapping[name].type == "date"]
    if not unclear or stored.notation.date_order is not None:
        return []
    message = gettext(
        "Dates in %(unclear)s could be day first or month first, like 3/4/2025. Send dmy or mdy.",
        unclear=", ".join(unclear),
    )
    return [{"path": "dateOrder", "message": message}]


def _opt_outs(stored: StoredMapping, start: StartIn) -> list[FieldError]:
    field_errors: list[FieldError] = []
    for number, name in enumerate(start.acknowledge_opt_outs):
        if name not in stored.format.columns:
            field_errors.append(
                {"path": f"acknowledgeOptOuts[{number}]", "message": gettext("The file has no column of this name.")}
            )
    stored.acknowledged = list(start.acknowledge_opt_outs)
    stored.all_opted_out = bool(start.all_opted_out)
    if stored.all_opted_out:
        return field_errors
    if stored.opted_out_by_name and start.all_opted_out is None:
        message = gettext(
            "The name of this file says that everybody in it opted out. Send allOptedOut: true to import them as "
            "opted out, or false when it means something else."
        )
        field_errors.append({"path": "allOptedOut", "message": message})
    for name in open_questions(stored):
        field_errors.append({"path": f"mapping.{name}", "message": question(name, stored.looks[name])})
    return field_errors


def open_questions(stored: StoredMapping) -> list[str]:
    """Columns that may say who opted out, which the mapping takes for something else and nobody denied."""
    answered = any(target.to == "consent.email" for target in stored.mapping.values())
    columns = []
    for name, look in stored.looks.items():
        target = stored.mapping.get(name)
        if name in stored.acknowledged or not look.says_no or (look.about and answered and not look.words):
            continue
        right = target is not None and target.group == "consent"
        if look.reading == "opt_out" and target is not None and target.type != "opt_out":
            right = False
        if not right:
            columns.append(name)
    return columns


def question(name: str, look: optouts.Column) -> str:
    """What has to be said about a column, for programs."""
    examples = gettext(" (it has %(words)s)", words=", ".join(map(quoted, look.words))) if look.words else ""
    return gettext(
        "The column %(name)s%(examples)s seems to say who opted out. Map it to consent.%(topic)s with the "
        "type %(reading)s, or name it in acknowledgeOptOuts when it means something else.",
        name=name,
        examples=examples,
        topic=look.topic,
        reading=look.reading,
    )


def labels(stored: StoredMapping) -> dict[str, str]:
    """What the attributes of the file are called in it, by their names."""
    column_by_target = {
        target.to.partition(".")[2]: column for column, target in stored.mapping.items() if target.group == "attributes"
    }
    return {name: column for name, column in column_by_target.items() if name != column and stored.format.has_header}
