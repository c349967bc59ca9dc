"""What is wrong with a document or a configuration: one class from the check of a single field to the answer of the API."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from app.errors import FieldError
from app.lib.translation import gettext

Severity = Literal["error", "warning"]


class Fix(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """What mends a warning with one press.

    In the text at the path of the warning `find`, as a whole word, becomes `put`; `removeStep`: the step is taken out instead; `takeOut`:
    the entry of a list at this path, a condition or a case with the line that leaves it. `entry`: that entry as it was checked, which may
    stand at another place of its list by now; `beside`: the entry of the same list because of which it goes, while that is there.
    `label`: what the button says.
    """

    label: str
    find: str = ""
    put: str = ""
    remove_step: bool = False
    take_out: str = ""
    entry: dict[str, Any] | None = None
    beside: dict[str, Any] | None = None


class Diagnostic(msgspec.Struct, frozen=True):
    """One thing wrong.

    `path`: where (`nodes[2].data.duration`); from a node type or a condition it begins below their own data (`duration`).
    `message`: what is wrong and what to do, for people, in the reader's language.
    `node_id`: the card it is on, `trigger` for the trigger, None for the workflow.
    `severity`: an `error` blocks activation, a `warning` does not. `blocks_save`: the document contradicts itself or a limit and is
    not stored at all; False where something is only still to be chosen, because people build step by step.
    `fix`: how one press mends it, where that can be said.
    """

    path: str
    message: str
    node_id: str | None = None
    severity: Severity = "error"
    blocks_save: bool = True
    fix: Fix | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "message", gettext(self.message))
        if self.blocks_save and self.severity == "warning":
            raise ValueError("A warning cannot keep a document from being saved.")

    def below(self, path: str, node_id: str | None) -> Diagnostic:
        """The same diagnostic with its path below `path` in the document, shown at the card `node_id`."""
        where = f"{path}.{self.path}" if self.path else path
        return msgspec.structs.replace(self, path=where, node_id=node_id)

    def field_error(self) -> FieldError:
        """The same for the `errors` list of an answer."""
        error: FieldError = {"path": self.path, "message": self.message}
        if self.node_id is not None:
            error["nodeId"] = self.node_id
        return error

    def view(self) -> DiagnosticView:
        """The same for the `issues` list of an answer."""
        return DiagnosticView(
            path=self.path,
            message=self.message,
            node_id=self.node_id,
            severity=self.severity,
            fix=UNSET if self.fix is None else self.fix,
        )

    @property
    def identity(self) -> tuple[str, str, str | None]:
        """Equal for the same fault in two revisions: the index of a node moves when another one is removed,
        and a trigger is told in another way when there is a second one."""
        path = re.sub(r"^(\w+)\[\d+\]", r"\1", self.path)
        return re.sub(r"^triggers(\.data)?", "trigger", path), self.message, self.node_id


class DiagnosticView(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """One thing wrong: where, what to do, on which card (`trigger` for the trigger), whether it blocks activation, and how to mend it."""

    path: str
    message: str
    node_id: str | None = None
    severity: Severity = "error"
    fix: Fix | UnsetType = UNSET


def incomplete(path: str, message: str, node_id: str | None = None) -> Diagnostic:
    """Something still to be chosen: it is saved, and blocks activation."""
    return Diagnostic(path, message, node_id, blocks_save=False)


def warning(path: str, message: str, node_id: str | None = None, fix: Fix | None = None) -> Diagnostic:
    """Something that is probably not meant: it blocks nothing."""
    return Diagnostic(path, message, node_id, severity="warning", blocks_save=False, fix=fix)


@dataclass(frozen=True)
class Diagnostics:
    """Everything wrong with one document, in the order in which it is shown: what blocks saving comes first."""

    all: tuple[Diagnostic, ...]
    """What people see on the cards: a stored document may have some that block saving when a template was deleted since."""

    def with_more(self, more: Sequence[Diagnostic]) -> Diagnostics:
        """These and others, of which none keeps the document from being saved."""
        return Diagnostics((*self.all, *more)) if more else self

    @property
    def blocking_save(self) -> list[Diagnostic]:
        """What keeps the document from being stored."""
        return [one for one in self.all if one.blocks_save]

    @property
    def blocking_activation(self) -> list[Diagnostic]:
        """What keeps the workflow from being activated."""
        return [one for one in self.all if one.severity == "error"]
