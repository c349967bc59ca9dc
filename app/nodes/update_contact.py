"""Set fields and attributes of the contact, or count an attribute up."""

from __future__ import annotations

from typing import Any

import msgspec

from app.nodes import paths, registry
from app.nodes.base import Done, Effect, Increment, Issue, NodeType, Outcome, Run, SetFields
from app.nodes.scope import Scope, is_constant

FIXED = {"email", "external_id", "externalId", "id", "tags", "created_at", "createdAt", "consent", "attributes"}
MAX_FIELDS = 50


class UpdateContactConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    set: dict[str, Any] = {}
    increment: dict[str, float] = {}


@registry.node
class UpdateContact(NodeType):
    type, label, category = "update_contact", "Update contact", "data"
    description = (
        "Sets attributes and fields of the contact, with values of the event or earlier steps, or counts one up."
    )
    Config = UpdateContactConfig

    @staticmethod
    def compile(config: UpdateContactConfig, scope: Scope) -> Run | Outcome:
        # Whole numbers stay whole: 4 and 4.0 are different JSON.
        steps = {name: int(by) if float(by).is_integer() else by for name, by in config.increment.items()}
        counts: tuple[Effect, ...] = tuple(Increment(name, by) for name, by in steps.items())

        def outcome(values: dict[str, Any]) -> Outcome:
            output: dict[str, Any] = {"set": values} if values else {}
            if steps:
                output["increment"] = steps
            return Done(output=output, effects=((SetFields(values), *counts) if values else counts))

        if is_constant(config.set):
            return outcome(config.set)
        readers = {name: scope.value(value) for name, value in config.set.items()}

        def run(step: Any) -> Outcome:
            return outcome({name: read(step) for name, read in readers.items()})

        return run

    @classmethod
    def issues(cls, config: UpdateContactConfig) -> list[Issue]:
        if not config.set and not config.increment:
            return [Issue("set", "Choose at least one field to change.", incomplete=True)]
        if len(config.set) + len(config.increment) > MAX_FIELDS:
            return [Issue("set", f"At most {MAX_FIELDS} fields fit in one step.")]
        found = []
        for part, names in (("set", config.set), ("increment", config.increment)):
            for name in names:
                plain = name.removeprefix("attributes.")
                if name in FIXED:
                    found.append(Issue(f"{part}.{name}", f"{name} cannot be changed by a workflow."))
                elif "." in plain or paths.problem(plain):
                    found.append(Issue(f"{part}.{name}", "Use the plain name of an attribute, such as plan."))
        return found
