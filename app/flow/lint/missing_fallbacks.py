"""Texts for people that have a gap for contacts of whom something is not known. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from app.flow.diagnostic import Diagnostic, warning
from app.flow.document import Flow
from app.flow.field_reads import KnownNames
from app.flow.node_words import references_of
from app.flow.references import ReferencedRows
from app.flow.ways import typed_nodes
from app.lib.translation import gettext

PRINTED = (
    r"\{\{-?\s*contact\.(?:attributes\.)?(\w+)\s*(?:\|(?![^{}]*(?:default|or_fail))[^{}]*)?-?\}\}"
    r"|\{%-?\s*(?:if|unless|elsif)\s+contact\.(?:attributes\.)?(\w+)"
)
"""First an attribute that is printed without a fallback, or second one that a part of the text hangs on; PostgreSQL understands it too."""
_PRINTED = re.compile(PRINTED, re.ASCII)


def missing_fallbacks(flow: Flow, rows: ReferencedRows, known: KnownNames) -> Iterator[Diagnostic]:
    """Of steps that write to people: a template that prints an attribute without a fallback which some contact does not have."""
    templates = rows.get("template", {})
    numbers = {node.id: index for index, node in enumerate(flow.nodes)}
    for one in typed_nodes(flow):
        for reference in references_of(one.node) if one.kind.sends is not None else ():
            template = templates.get(reference.id) if reference.kind == "template" else None
            names = gaps(template.prints, known) if template else []
            if template and names:
                message = gettext(
                    "The template “%(template)s” prints %(names)s, which not every contact has: without it there is a gap. Say in the"
                    " template what stands there instead.",
                    template=template.name,
                    names=", ".join(names[:3]),
                )
                yield warning(f"nodes[{numbers[one.node.id]}].data.{reference.path}", message, one.node.id)


def printed_in(text: str) -> list[str]:
    """The attributes that a text prints without a fallback, each once."""
    return unguarded(_PRINTED.findall(text))


def unguarded(pairs: Iterable[Sequence[str]]) -> list[str]:
    """Of what PRINTED finds, as pairs, the attributes that are printed and that the text does not ask for before; each once."""
    names = list(pairs)
    guards = {guard for _, guard in names if guard}
    return list(dict.fromkeys(name for name, _ in names if name and name not in guards))


def gaps(names: Iterable[str], known: KnownNames) -> list[str]:
    """Those of `names` that some contacts have and others do not; what nobody has is told elsewhere."""
    return sorted(set(names) & ((known.attributes or frozenset()) - known.everywhere))
