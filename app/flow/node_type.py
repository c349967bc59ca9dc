"""What the author of a node type sees.

A node type is a `Config` (a msgspec struct: the form and its checks) and `compile(config, scope)`, called once per workflow
version. It returns a function over one person's run, `run(step) -> Outcome`. The function is pure: it reads `step` (`step_view`),
returns an outcome (`outcomes`) and changes nothing. What should happen is said in the outcome's `effects`; the engine applies them
after the function has returned, so an error leaves nothing half done and a batch can be done again.
A node that does the same for everybody returns that outcome instead of a function.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

from app.flow.diagnostic import Diagnostic
from app.flow.outcomes import Asks, DecidesAgain, EachOf, IfRoom, Outcome, Run
from app.flow.performers import LONGEST_S
from app.flow.references import ReferencedRows
from app.flow.retry import ONCE, Retry
from app.flow.step_view import StepRecord
from app.lib.translation import gettext, translatable


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """A port of a step. `label`: the word beside it, empty for an only port; `tone`: its colour."""

    id: str
    label: str = ""
    tone: Literal["", "yes", "no", "error"] = ""


NEXT_PORT, ERROR_PORT = Port("next"), Port("error", translatable("Error"), "error")
FIXED_PORTS = frozenset((ERROR_PORT.id, "default", "timeout", "failed"))
"""Ports of every step of a type, also where a config declares the others."""
RESERVED_PORTS = frozenset(("error", "waiting", "failed", "goal", "exited", "cancelled"))
"""Names that count something else of a step, beside all with a dot; a way out that a config makes may not have one."""


def port_label(ways: Iterable[Port], port_id: str | None) -> str:
    """The label of a port; its id when the port does not exist (any more)."""
    wanted = port_id or NEXT_PORT.id
    labels = {port.id: port.label for port in (*ways, ERROR_PORT)}
    return labels.get(wanted) or wanted.capitalize()


def port_in_words(own: Iterable[Port], ways: Iterable[Port], port_id: str | None) -> str:
    """The label of a port in the reader's language. `own`: the ports that the type declares; what people call theirs stands as it is."""
    label = port_label(ways, port_id)
    standard = {(port.id, port.label) for port in own}
    return gettext(label) if port_id in FIXED_PORTS or (port_id or NEXT_PORT.id, label) in standard else label


class Question(msgspec.Struct, frozen=True):
    """What a person is asked at a step: a port for each answer, and who may give one: people of at least a role, or these alone.

    `people`: ids and e-mail addresses of users; `role` counts where there are none.
    """

    choices: tuple[Port, ...]
    role: str
    people: tuple[str, ...] = ()


class WorkflowCall(msgspec.Struct, frozen=True):
    """A workflow of which a step starts runs: with which input, before it is filled in, and whether they are about a contact."""

    workflow_id: UUID
    properties: dict[str, Any]
    of_contact: bool


class BranchConditions(msgspec.Struct, frozen=True):
    """Conditions that alone decide whether a contact may take a way out: those at `field` of the config, or with `negated` that they do not
    hold."""

    port: str
    field: str
    conditions: list[Any]
    match: str
    negated: bool = False


class SourceCode(msgspec.Struct, frozen=True):
    """Code that a step runs: in which language, and in which field of its config it stands."""

    language: Literal["javascript", "python"]
    code: str
    field: str


class NodeType:
    """Base of all node types. Subclass it with `@registry.node`. Everything that others ask about a type is said here.

    Fields of `Config` that hold the id of a row of the workspace are marked with `app.flow.references.Ref`; the title of a field's
    `msgspec.Meta` is what people call it in the list of changes.
    """

    type: ClassVar[str]
    """The name in flow documents and in `frontend-nodes/`."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that documents may use; they are read as `type` and shown as it."""
    field_aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of fields of `Config` that documents may use, each with the field; they are read as it and shown as it."""
    label: ClassVar[str]
    category: ClassVar[str]
    """message, timing, logic, data, integration or exit."""
    description: ClassVar[str]
    outputs: ClassVar[tuple[Port, ...]] = (NEXT_PORT,)
    """Default ports of a step. Every type with ports also has `error`, which the engine adds."""
    sends: ClassVar[int | None] = None
    """The number of a channel (`ChannelType.number`): a step of it that is done has asked for a message by it, whose outcome the step
    then shows. Goals on the contact are asked first."""
    retryable: ClassVar[bool] = False
    """May it fail in a way that may pass? Then its form offers how often it is tried."""
    default_retry: ClassVar[Retry] = ONCE
    """How often it is tried when neither the step nor the workflow says."""
    needs_contact: ClassVar[bool] = False
    """It means nothing in a run without a contact."""
    timed: ClassVar[bool] = False
    """Somebody else ends its steps: an answer, an event, a person. A step's `timeout` says how long that may take, also of types that send.
    Of others it bounds what a worker does for one run, and it means nothing for those about time, which end by themselves.
    """
    longest_timeout_s: ClassVar[int] = LONGEST_S
    """The longest `timeout` that a step of it may have."""
    Config: ClassVar[builtins.type[msgspec.Struct]]

    @staticmethod
    def compile(config: Any, scope: Any) -> Run | Outcome | IfRoom | Asks | DecidesAgain | EachOf:
        """Turn a config into the function that runs for each person, or into the one outcome for all of them (who have room).

        `scope` is an `app.flow.scope.Scope`.
        """
        raise NotImplementedError

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """The ports of a step with this config, without `error`. A type whose config declares ports overrides it."""
        return cls.outputs

    @classmethod
    def means_contact(cls, config: Any) -> bool:
        """Does a step with this config mean nothing without a contact? A type whose config decides overrides it."""
        return cls.needs_contact

    @classmethod
    def picture(cls, outcome: Outcome) -> str:
        """How what a step puts before people looks, as HTML for a frame that can run nothing; empty where there is nothing to see.

        What leaves by a channel is drawn by the channel.
        """
        return ""

    @classmethod
    def diagnostics(cls, config: Any) -> list[Diagnostic]:
        """What the types of the fields cannot say: limits across fields, things still to be chosen."""
        return []

    @classmethod
    def row_diagnostics(cls, config: Any, rows: ReferencedRows) -> list[Diagnostic]:
        """What is wrong between the configuration and the rows of the workspace that it names."""
        return []

    @classmethod
    def summary(cls, config: Any) -> str:
        """What a step with this config does, in one line for cards, drawings and lists: `Wait 1 day`; empty when nothing is chosen."""
        return ""

    @classmethod
    def own_text(cls, config: Any) -> str:
        """What a step writes to people, as it stands in its config, placeholders and all; empty where a template says it, or nothing does.

        Its card shows it as it comes out for the sample of the workflow.
        """
        return ""

    @classmethod
    def explain(cls, config: Any, step: StepRecord) -> str:
        """One sentence about a step that is over or under way and neither failed nor asked for a message: `Waited 2 days.`

        `config` is None when the stored one cannot be read any more.
        """
        ways = cls.outputs if config is None else cls.ports(config)
        if step.port and len(ways) > 1:
            return gettext(
                "The run took the %(port_label)s branch.", port_label=port_in_words(cls.outputs, ways, step.port)
            )
        return gettext("Done.") if step.completed_at else gettext("Under way.")

    @classmethod
    def due_at(cls, config: Any, step: StepRecord) -> datetime | None:
        """When a wait that is over was due to end; None for steps that do not wait. The open one has it on the run."""
        return None

    @classmethod
    def events(cls, config: Any) -> Iterable[str]:
        """The events that a step of it may `WaitFor`; the engine looks for no others."""
        return ()

    @classmethod
    def asks(cls, config: Any) -> Question | None:
        """What a person is asked at a step with this config, which comes to `AskPerson`; None for all others."""
        return None

    @classmethod
    def calls(cls, config: Any) -> WorkflowCall | None:
        """The workflow of which a step with this config starts runs (`CallWorkflow`), None for all others.

        Workflows that call one another in a circle are not published, and a run that has come through too many fails at such a step.
        """
        return None

    @classmethod
    def source_code(cls, config: Any) -> SourceCode | None:
        """The code that a step with this config runs, None for all others. It is looked at before it is published."""
        return None

    @classmethod
    def goal(cls, config: Any) -> str:
        """The name of the goal that a run has reached when it comes to a step with this config; empty for all that are none."""
        return ""

    @classmethod
    def control_group(cls, config: Any) -> str | None:
        """The port of those with whom the other variants are compared; None for types that draw none."""
        return None

    @classmethod
    def jumps(cls, config: Any) -> Iterable[tuple[str, str]]:
        """Where runs go that no edge leads: ports, each with the id of a step. An edge of that port goes before it."""
        return ()

    @classmethod
    def limits_rounds(cls, config: Any) -> Iterable[str]:
        """Ways out by which a run that goes round in a circle waits, or which it takes a limited number of times. A circle needs one.

        All ways of types about time, and of those that ask a person.
        """
        return (
            [port.id for port in (*cls.ports(config), ERROR_PORT)]
            if cls.category == "timing" or cls.asks(config)
            else ()
        )

    @classmethod
    def handles(cls, config: Any) -> Literal["all"] | Iterable[str]:
        """Ids of the steps whose errors nobody else handles and that go on here; `all` of the workflow. No edge leads to such a step."""
        return ()

    @classmethod
    def alternatives(cls, config: Any) -> Iterable[str]:
        """Ports behind which alternatives begin: a run comes back when the first step behind one of them failed."""
        return ()

    @classmethod
    def branch_conditions(cls, config: Any) -> Iterable[BranchConditions]:
        """Of ways out that conditions alone decide about, which: a warning says which of them nobody takes now."""
        return ()

    @classmethod
    def writes(cls, config: Any) -> Iterable[str]:
        """Names of the attributes that a step writes, `tags` too: later steps may read them before any contact has them."""
        return ()

    @classmethod
    def emits(cls, config: Any) -> Iterable[str]:
        """Names of the events that a step lets happen to its contact, where they are the same for everybody."""
        return ()

    @classmethod
    def results(cls, config: Any) -> Mapping[str, str]:
        """What its steps put out for later ones, which read it as `steps.<id>.<name>`: names, each with its kind as conditions know it
        (`app.values.field_kinds`), empty where that is open. What only the world knows, as the body of an answer, is one name."""
        return {}

    @classmethod
    def example(cls, config: Any) -> Mapping[str, Any]:
        """Values for names of `results` that a test of the workflow takes where nobody is asked: what the step usually puts out. Names that
        are left out get a value of their kind."""
        return {}

    @classmethod
    def variables(cls, config: Any) -> Mapping[str, str]:
        """Variables that its steps set, which later ones read as `vars.<name>`: names, each with its kind, empty where that is open."""
        return {}
