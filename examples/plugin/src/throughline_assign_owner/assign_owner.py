"""Give each contact one of a team's people, evenly and for good: the same contact always gets the same one of the same team."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import SetFields
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, Outcome, Run
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.values import contact_fields
from app.values.contact_fields import BadField

MOST = 50


class AssignOwnerConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    team: Annotated[list[Annotated[str, Meta(max_length=100), Verbatim("a name")]], Meta(title="team")] = []
    attribute: Annotated[str, Meta(title="attribute"), Verbatim("a name")] = "owner"

    @property
    def owners(self) -> list[str]:
        """The team without blanks and without anybody twice, in the order in which it was written."""
        return list(dict.fromkeys(name.strip() for name in self.team if name.strip()))


@registry.node
class AssignOwner(NodeType):
    type, label, category = "assign_owner", "Assign owner", "data"
    description = "Gives the contact one of your team, and writes the name to an attribute."
    Config = AssignOwnerConfig
    needs_contact = True

    @staticmethod
    def compile(config: AssignOwnerConfig, scope: CompileScope) -> Run:
        draw, owner = scope.draw("assign_owner"), scope.field(f"contact.attributes.{config.attribute}")
        owners = config.owners
        assigned = {
            name: Done(output={"owner": name}, effects=(SetFields({config.attribute: name}),)) for name in owners
        }
        kept_by = {name: Done(output={"owner": name, "before": True}) for name in owners}

        def run(step: Any) -> Outcome:
            present = owner(step)
            if isinstance(present, str) and present in kept_by:  # whoever has an owner of this team keeps it
                return kept_by[present]
            return assigned[owners[int(draw(step) * len(owners))]]

        return run

    @classmethod
    def diagnostics(cls, config: AssignOwnerConfig) -> list[Diagnostic]:
        try:
            contact_fields.attribute_name(config.attribute)
        except BadField as error:
            return [Diagnostic("attribute", str(error))]
        if not config.owners:
            return [incomplete("team", "Name at least one of the team.")]
        if len(config.owners) > MOST:
            return [Diagnostic("team", f"A team has at most {MOST} people; these are {len(config.owners)}.")]
        return []

    @classmethod
    def writes(cls, config: AssignOwnerConfig) -> list[str]:
        return [config.attribute]

    @classmethod
    def summary(cls, config: AssignOwnerConfig) -> str:
        return f"Assign to {', '.join(config.owners)}" if config.owners else ""

    @classmethod
    def explain(cls, config: AssignOwnerConfig | None, step: StepRecord) -> str:
        output = step.output if isinstance(step.output, dict) else {}
        if "owner" not in output:
            return super().explain(config, step)
        return f"{output['owner']} {'stays' if output.get('before') else 'became'} the owner of the contact."
