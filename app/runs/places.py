"""Where held runs may be moved: a step of their version, or of the one that is live; and why not, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.engine.compiled import CompiledFlow, read_document
from app.engine.transfers import Place
from app.flow import registry
from app.flow.document import Flow, Node
from app.flow.node_words import kind_word, title_of
from app.flow.ways import hidden_ways, inside
from app.lib.conversions import quoted
from app.lib.translation import gettext

BODY = "body"
"""The port behind which a loop has the steps that it goes through again and again."""


class NoSuchPlace(Exception):
    """A run cannot be moved there; the text says why."""


class PlacesOfWorkflow:
    """The steps of a workflow's versions, as far as they were read, for runs that are moved."""

    def __init__(
        self, tenant_id: int, workflow_id: UUID, live: int | None, graphs: Mapping[int, dict[str, Any]]
    ) -> None:
        """`live`: the version that is live; `graphs`: the documents by version, of the runs and of that one."""
        self._tenant_id, self._workflow_id, self._live = tenant_id, workflow_id, live
        self.documents = {(workflow_id, version): graph for version, graph in graphs.items()}
        self._flows = {version: read_document(graph)[0] for version, graph in graphs.items()}
        self._reads: dict[int, list[str]] = {}

    def steps(self, version: int) -> list[tuple[str, str]]:
        """(id, title) of the steps of a version, in the order of the document."""
        flow = self._flows.get(version)
        return [(node.id, title_of(node.type, node.name, node.data)) for node in flow.nodes] if flow else []

    def place(
        self, version: int, standing_at: str | None, wanted: int | None, node_id: str, *, of_contact: bool
    ) -> Place:
        """The place for runs of `version` that are held at a step; `wanted`: of which version, None for theirs.

        Raises NoSuchPlace. `of_contact`: they have a contact.
        """
        target = version if wanted is None else wanted
        if target not in (version, self._live):
            raise NoSuchPlace(
                gettext(
                    "Runs of version %(version)s stay there or go to the live version, not to version %(target)s.",
                    version=version,
                    target=target,
                )
            )
        flow = self._flows.get(target)
        node = next((node for node in flow.nodes if node.id == node_id), None) if flow else None
        if flow is None or node is None:
            raise NoSuchPlace(
                gettext("Version %(target)s has no step %(node_id)s.", target=target, node_id=quoted(node_id))
            )
        if target == version and node_id == standing_at:
            raise NoSuchPlace(gettext("The run is held at this very step. Try it again instead."))
        return self._entered(version, standing_at, target, node, of_contact=of_contact)

    def again(self, version: int, node_id: str, target: int, *, of_contact: bool) -> Place:
        """The place for a run of `version` that failed at a step and does it again, there or in the live version. Raises NoSuchPlace."""
        nodes = {
            number: next((node for node in flow.nodes if node.id == node_id), None)
            for number, flow in self._flows.items()
        }
        node, failed = nodes.get(target), nodes.get(version)
        if node is None or failed is None:
            raise NoSuchPlace(gettext("Version %(target)s does not have this step any more.", target=target))
        if node.type != failed.type:
            raise NoSuchPlace(
                gettext(
                    "In version %(target)s this step is another one: %(kind)s.",
                    target=target,
                    kind=kind_word(node.type),
                )
            )
        return self._entered(version, node_id, target, node, of_contact=of_contact)

    def _entered(self, version: int, standing_at: str | None, target: int, node: Node, *, of_contact: bool) -> Place:
        """The place at a step of `target`. Raises NoSuchPlace where runs cannot begin at it."""
        flow, node_id = self._flows[target], node.id
        kind = registry.find(node.type)
        if kind is None:
            raise NoSuchPlace(gettext("The step type %(type)s is not installed.", type=quoted(node.type)))
        if not of_contact and registry.needs_contact(kind, node.data):
            raise NoSuchPlace(gettext("%(type)s needs a contact, and the run has none.", type=kind_word(node.type)))
        loops = _loops_around(flow, node_id)
        own_loops = _loops_around(self._flows[version], standing_at or "") if loops else []
        if outer := [loop for loop in loops if loop not in own_loops]:
            titles = dict(self.steps(target))
            raise NoSuchPlace(
                gettext(
                    "This step is inside the loop %(titles)s. Move the run to the loop itself.",
                    titles=quoted(titles[outer[0]]),
                )
            )
        return Place(target, node_id, None if target == version else self._outputs_read(target), loops)

    def choices(
        self,
        version: int,
        standing_at: str | None,
        titles: Mapping[tuple[UUID, int], Mapping[str, str]],
        *,
        of_contact: bool,
    ) -> list[tuple[str, str]]:
        """(`VERSION:STEP`, what people read) of all places for runs of `version` that are held at a step, the live version's last.

        `titles`: what cards say of the `documents`.
        """
        listed = list[tuple[str, str]]()
        for target in dict.fromkeys((version, self._live)):
            shown = titles.get((self._workflow_id, target), {}) if target is not None else {}
            for node_id, own_title in self.steps(target) if target is not None else ():
                title = shown.get(node_id, own_title)
                try:
                    self.place(version, standing_at, target, node_id, of_contact=of_contact)
                except NoSuchPlace:
                    continue
                listed.append(
                    (
                        f"{target}:{node_id}",
                        title
                        if target == version
                        else gettext("%(title)s (version %(version)s)", title=title, version=target),
                    )
                )
        return listed

    def _outputs_read(self, version: int) -> list[str]:
        """Steps of a version whose output a later one reads; `*`: any."""
        if version not in self._reads:
            flow = CompiledFlow(self._workflow_id.bytes, version, self._tenant_id, self._flows[version])
            self._reads[version] = sorted(
                path.partition(".")[2].partition(".")[0] for path in flow.scope.reads if path.startswith("steps.")
            )
        return self._reads[version]


def _loops_around(flow: Flow, node_id: str) -> list[str]:
    """The loops that have the step in their body."""
    ways = hidden_ways(flow)
    loops = dict.fromkeys(edge.source for edge in flow.edges if edge.source_handle == BODY)
    return [loop for loop in loops if node_id in inside(flow, loop, BODY, ways)]
