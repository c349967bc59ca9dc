"""Is the code of a document code? Asked of the children that run it, which takes a moment, so answers are remembered by the code.

Documents are checked inside of transactions, where nobody waits for a process. So whoever is about to publish calls `look_at_code`
first; `code_diagnostics` only says what is known by then.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.code_steps.service import code_switch
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import Flow
from app.flow.node_type import SourceCode
from app.flow.node_words import code_of
from app.lib import held_connections
from app.lib.code_runner import pool as code_runner
from app.lib.code_runner.limits import CodeAnswer
from app.lib.translation import translatable

REMEMBERED = 2_000
OFF = translatable(
    "Steps of code are switched off in this workspace. An admin can allow them under Settings, Code; or "
    "take this step out."
)
_verdicts: OrderedDict[bytes, CodeAnswer] = OrderedDict()


class CodeNode(NamedTuple):
    """A step that runs code: its place among the nodes."""

    place: int
    id: str
    source: SourceCode


def code_nodes(flow: Flow) -> list[CodeNode]:
    """The steps of a document that run code and are not switched off."""
    sources = [
        (index, node.id, code_of(node.type, node.data)) for index, node in enumerate(flow.nodes) if not node.is_off
    ]
    return [CodeNode(index, node_id, source) for index, node_id, source in sources if source is not None]


async def look_at_code(session: AsyncSession, tenant_id: int, flow: Flow) -> None:
    """Have the code of a document looked at that was not yet. Gives the connection back first, so nothing may have been changed."""
    unknown = {_key(node.source): node.source for node in code_nodes(flow)}
    unknown = {key: source for key, source in unknown.items() if key not in _verdicts and source.code.strip()}
    if not unknown:
        return
    await held_connections.release_connection(session)
    for source in unknown.values():
        await code_verdict(source, tenant_id)


async def code_verdict(source: SourceCode, tenant_id: int) -> CodeAnswer:
    """What is wrong with code, by its words and types; it is not run. Raises Busy."""
    key = _key(source)
    answer = _verdicts.get(key)
    if answer is None:
        answer = await code_runner.run(
            source.language, source.code, None, share=tenant_id, seconds=code_runner.CHECK_S, alone=True
        )
        if answer.kind in ("", "syntax", "types"):  # others depend on the day
            _verdicts[key] = answer
            while len(_verdicts) > REMEMBERED:
                _verdicts.popitem(last=False)
    return answer


async def code_diagnostics(session: AsyncSession, tenant_id: int, flow: Flow) -> Sequence[Diagnostic]:
    """What keeps the code of a document from running, as far as it is known. One query; none for a document without code."""
    nodes = code_nodes(flow)
    if not nodes:
        return ()
    switch = await code_switch(session, tenant_id)
    return list(_diagnostics(nodes, allowed=switch.allowed))


def _diagnostics(nodes: list[CodeNode], *, allowed: bool) -> Iterator[Diagnostic]:
    for node in nodes:
        path = f"nodes[{node.place}].data.{node.source.field}"
        if not allowed:
            yield incomplete(path, OFF, node.id)
        answer = _verdicts.get(_key(node.source))
        if answer is not None and answer.error:
            yield incomplete(path, f"{answer.where}{answer.error}", node.id)


def _key(source: SourceCode) -> bytes:
    return hashlib.blake2b(f"{source.language}\0{source.code}".encode(), digest_size=16).digest()
