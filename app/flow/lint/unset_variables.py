"""What steps put out and set, and other steps read: variables that nothing sets, steps that are not there. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.flow.diagnostic import Diagnostic, Fix, warning
from app.flow.document import Flow
from app.flow.field_reads import FieldRead, fields_read
from app.flow.ways import typed_nodes
from app.lib.nearest import nearest
from app.lib.translation import gettext


def unset_variables(flow: Flow) -> Iterator[Diagnostic]:
    """Conditions and texts that read a variable which no step sets, with the nearest that one does set."""
    known = {name for one in typed_nodes(flow) for name in one.kind.variables(one.config)}
    seen: set[tuple[str, str]] = set()
    for read, card in _reads(flow):
        if len(read.names) < 2 or read.names[0] != "vars" or read.names[1] in known:
            continue
        name = read.names[1]
        if (read.path, name) in seen:
            continue
        seen.add((read.path, name))
        message, fix = gettext("No step sets the variable “%(name)s”.", name=name), None
        if near := nearest(name, sorted(known)):
            message += gettext(" Did you mean “%(near)s”?", near=near)
            fix = Fix(gettext("Use “%(name)s”", name=near), f"vars.{name}", f"vars.{near}")
        yield warning(read.path, message, card, fix)


def lost_steps(flow: Flow) -> Iterator[Diagnostic]:
    """Conditions and texts that ask for the output of a step that is not there: they would always find nothing."""
    ids = {node.id for node in flow.nodes}
    seen: set[tuple[str, str]] = set()
    for read, card in _reads(flow):
        if len(read.names) < 2 or read.names[0] != "steps" or read.names[1] in ids:
            continue
        if (read.path, read.names[1]) in seen:
            continue
        seen.add((read.path, read.names[1]))
        message = gettext("There is no step “%(name)s” to read from. Choose another field.", name=read.names[1])
        yield warning(read.path, message, card)


def _reads(flow: Flow) -> Iterator[tuple[FieldRead, str | None]]:
    for index, node in enumerate(flow.nodes):
        for read in () if node.is_off else fields_read(node.data, f"nodes[{index}].data"):
            yield read, node.id
