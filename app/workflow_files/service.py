"""Export a workflow with what it uses; import a file: make what is not here, use what is, and say what is to be chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.builder.form_options import FormOptions
from app.builder.missing_rows import MissingRow, with_topics
from app.errors import FieldError, Invalid
from app.lib import jsonlimits
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.message_templates.schemas import NewTemplate
from app.message_templates.service import TemplateService
from app.segments.schemas import NewSegment
from app.segments.service import SegmentService
from app.workflow_files.mapping import check_mapping, id_of_key, missing_in_file
from app.workflow_files.places import KINDS, ids_in, key_fault, replaced
from app.workflow_files.repository import UsedRowRepository
from app.workflow_files.schemas import ImportedWorkflow, ToChoose, UsedConnector, UsedWorkflow, Uses, WorkflowFile
from app.workflows.schemas import NewWorkflow
from app.workflows.service import WorkflowService

NOTHING_CHOSEN: Mapping[str, str] = MappingProxyType({})
DEEPEST = 10
"""Rules of segments that name segments are followed so far."""
MOST_USED = 200
"""Rows that one file may bring or name."""
MAX_FILE_BYTES, MAX_FILE_DEPTH = 4_000_000, 40
"""Of a file: eight of the largest templates, and conditions nested as deep as rules may be, with what is around them."""
WITH_ROWS = ("triggers", "nodes", "goals")
"""Parts of a document that name rows. A trigger or step does it in its `data`; ids, names and notes are texts of their own."""


class WorkflowFileService:
    """In the workspace and the name of a principal. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._rows = UsedRowRepository(session, principal.tenant_id)
        self._workflows = WorkflowService(session, principal)
        self._templates = TemplateService(session, principal)
        self._segments = SegmentService(session, principal)
        self._options = FormOptions(session, principal)

    async def export(self, workflow_id: UUID, version: int | None = None) -> WorkflowFile:
        """The draft, or a version, with templates and segments as they are now."""
        workflow = await self._workflows.get(workflow_id)
        graph = workflow.draft if version is None else (await self._workflows.version(workflow, version)).graph
        uses, ids = Uses(), set(ids_in(graph))
        for row in await self._rows.with_ids("templates", ids):
            uses.templates[str(row.id)] = NewTemplate(
                row.name, row.subject, row.html, row.text, row.channel, row.content, tags=row.tags or UNSET
            )
        for row in await self._rows.with_ids("connectors", ids):
            uses.connectors[str(row.id)] = UsedConnector(row.name, row.type)
        for row in await self._rows.with_ids("workflows", ids):
            uses.workflows[str(row.id)] = UsedWorkflow(row.name)
        for _ in range(DEEPEST):
            rows = [row for row in await self._rows.with_ids("segments", ids) if str(row.id) not in uses.segments]
            for row in rows:
                new = {"name": row.name, "description": row.description, "kind": row.kind, "rule": row.rule}
                uses.segments[str(row.id)] = msgspec.convert(new, NewSegment)
            ids = {one for row in rows for one in ids_in(row.rule)}
        tags = workflow.tags or None  # folders are of a workspace, tags go along
        document = {"name": workflow.name, "description": workflow.description, "tags": tags, **graph}
        return WorkflowFile(workflow={key: value for key, value in document.items() if value is not None}, uses=uses)

    async def load(
        self, file: WorkflowFile, mapping: Mapping[str, str] = NOTHING_CHOSEN, *, ask: bool = False
    ) -> ImportedWorkflow | list[MissingRow]:
        """A new draft of what a file says. Raises Invalid, with the place in the file, and then nothing was made.

        `mapping`: what stands for what is missing, by its key. `ask`: where it says nothing of something, the answer is what is missing.
        """
        _check_size(file)
        _check_keys(file.uses)
        rows_here = _Import(self._rows, self._templates, self._segments)
        await rows_here.find_rows(file.uses)
        keys = {key: str(id_of_key(key)) for part in KINDS for key in getattr(file.uses, part)}
        document, _ = _fitted(file, keys | {key: row for key, row in rows_here.names.items() if row}, {})
        _read(document)
        missing = await missing_in_file(self._options, document, file.uses)
        if ask and (open_ones := [one for one in missing if one.key not in mapping]):
            return open_ones
        check_mapping(missing, mapping)
        rows_here.choose(missing, mapping)
        await rows_here.bring_templates(file.uses)
        await rows_here.bring_segments(file.uses)
        return await self._created(file, rows_here, {one.key: (one.kind, one.name) for one in missing}, mapping)

    async def _created(
        self, file: WorkflowFile, rows_here: _Import, words: dict[str, tuple[str, str]], mapping: Mapping[str, str]
    ) -> ImportedWorkflow:
        document, to_choose = _fitted(file, rows_here.names, words)
        if isinstance(nodes := document.get("nodes"), list):
            document["nodes"] = [with_topics(node, mapping) for node in nodes]
        new = _read(document)
        try:
            workflow = await self._workflows.create(
                name=new.name, description=new.description, flow=new.flow(), priority=new.priority, tags=new.tags
            )
        except Invalid as error:
            raise _placed(error, "workflow") from error
        return ImportedWorkflow(workflow.id, workflow.name, rows_here.created, rows_here.existing, to_choose)


def _read(document: dict[str, Any]) -> NewWorkflow:
    """Raises Invalid."""
    try:
        return msgspec.convert(document, NewWorkflow)
    except msgspec.ValidationError as error:
        path = "workflow" + str(error).partition("`$")[2].partition("`")[0]
        raise Invalid(errors=[FieldError(path=path, message=str(error).partition(" - at")[0] + ".")]) from error


def _check_size(file: WorkflowFile) -> None:
    """Before anything is made, since the rest of the work grows with the file."""
    try:
        jsonlimits.storable_bytes(msgspec.to_builtins(file), max_bytes=MAX_FILE_BYTES, max_depth=MAX_FILE_DEPTH)
    except jsonlimits.Unstorable as error:
        raise Invalid(errors=[FieldError(path="", message=str(error))]) from error


def _check_keys(uses: Uses) -> None:
    keys = [(part, key) for part in KINDS for key in getattr(uses, part)]
    if len(keys) > MOST_USED:
        raise Invalid(
            errors=[
                FieldError(
                    path="uses", message=gettext("A file may name at most %(most_used)s rows.", most_used=MOST_USED)
                )
            ]
        )
    faults = [(part, key, fault) for part, key in keys if (fault := key_fault(part, key))]
    if faults:
        raise Invalid(errors=[FieldError(path=f"uses.{part}.{key}", message=fault) for part, key, fault in faults])
    number = Counter(key for _, key in keys)
    if twice := [key for key, count in number.items() if count > 1]:
        message = gettext("Two of them are called %(twice)s. Give each a key of its own.", twice=quoted(twice[0]))
        raise Invalid(errors=[FieldError(path="uses", message=message)])


def _fitted(
    file: WorkflowFile, names: Mapping[str, str | None], unlisted: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, Any], list[ToChoose]]:
    """The document with the ids of this workspace, and what is missing in which step or trigger. `unlisted`: kind and name of ids that
    the file does not list."""
    words = dict(unlisted) | {
        key: (word, used.name) for part, word in KINDS.items() for key, used in getattr(file.uses, part).items()
    }
    to_choose: list[ToChoose] = []

    def of_part(part: Any) -> Any:
        """A trigger, step or goal."""
        node_id = part.get("id") if isinstance(part, dict) else None

        def missed(key: str) -> None:
            word, name = words[key]
            message = gettext("There is no %(word)s %(name)s here. Choose one.", word=word, name=quoted(name))
            to_choose.append(ToChoose(word, name, node_id if isinstance(node_id, str) else None, message))

        if isinstance(part, dict) and "data" in part:
            return {**part, "data": replaced(part["data"], names, missed)}
        return replaced(part, {key: row for key, row in names.items() if key != node_id}, missed)

    document = {
        key: [of_part(part) for part in value] if key in WITH_ROWS and isinstance(value, list) else value
        for key, value in file.workflow.items()
    }
    if isinstance(single := document.get("trigger"), dict):
        document["trigger"] = of_part(single)
    return document, to_choose


class _Import:
    """What the keys of a file stand for here."""

    def __init__(self, rows: UsedRowRepository, templates: TemplateService, segments: SegmentService) -> None:
        self._rows, self._templates, self._segments = rows, templates, segments
        self.names: dict[str, str | None] = {}
        self.created: list[str] = []
        self.existing: list[str] = []

    async def find_rows(self, uses: Uses) -> None:
        """Connectors and workflows, which a file cannot bring: by name, a connector else as the only one of its type."""
        connectors = await self._rows.connectors_of({used.type for used in uses.connectors.values()})
        for key, used in uses.connectors.items():
            of_type = [row for row in connectors if row.type == used.type]
            chosen = [row for row in of_type if row.name == used.name] or (of_type if len(of_type) == 1 else [])
            self._stand(key, chosen[0] if chosen else None)
        workflows = await self._rows.called("workflows", {used.name for used in uses.workflows.values()})
        for key, other in uses.workflows.items():
            self._stand(key, next((row for row in workflows if row.name == other.name), None))

    def choose(self, missing: Sequence[MissingRow], mapping: Mapping[str, str]) -> None:
        """What was chosen for what is not here. Ids that the file does not list, and that nobody was asked about, stay."""
        for one in missing:
            if one.kind != "topic" and (chosen := mapping.get(one.key)) is not None:
                self.names[one.key] = chosen or None
                self.existing += [one.fitting[chosen]] if chosen in one.fitting else []

    async def bring_templates(self, uses: Uses) -> None:
        """One of the same name and content is used; else a new one is made, under a free name."""
        rows = await self._rows.called("templates", {new.name for new in uses.templates.values()})
        for key, new in uses.templates.items():
            same = [row for row in rows if _content(row) == _content(new)]
            if same:
                self._stand(key, same[0])
                continue
            taken = {row.name for row in await self._rows.called("templates", list(_numbered(new.name)))}
            name = next(name for name in _numbered(new.name) if name not in taken)
            try:
                row = await self._templates.create(msgspec.structs.replace(new, name=name, folder_id=None))
            except Invalid as error:
                raise _placed(error, f"uses.templates.{key}") from error
            self.names[key] = str(row.id)
            self.created.append(f"template {quoted(row.name)}")

    async def bring_segments(self, uses: Uses) -> None:
        """One that is called so is used, whatever its rule; else a new one is made, after those that its rule names."""
        rows = await self._rows.called("segments", {new.name for new in uses.segments.values()})
        waiting = dict(uses.segments)
        others = {
            key: _texts(msgspec.to_builtins(new.rule)) & uses.segments.keys() - {key} for key, new in waiting.items()
        }
        for key, new in uses.segments.items():
            if row := next((row for row in rows if row.name == new.name), None):
                self._stand(key, row)
                del waiting[key]
        while waiting:
            ready = [key for key in waiting if not others[key] & waiting.keys()]
            if not ready:
                message = gettext("Their rules name each other, so none of them can be made first.")
                raise Invalid(errors=[FieldError(path="uses.segments", message=message)])
            for key in ready:
                await self._bring_segment(key, waiting.pop(key))

    async def _bring_segment(self, key: str, new: NewSegment) -> None:
        fitted = replaced(msgspec.to_builtins(new), self.names, lambda _: None)
        try:
            row = await self._segments.create(msgspec.convert(fitted, NewSegment))
        except Invalid as error:
            raise _placed(error, f"uses.segments.{key}") from error
        self.names[key] = str(row.id)
        self.created.append(f"segment {quoted(row.name)}")

    def _stand(self, key: str, row: Any) -> None:
        self.names[key] = str(row.id) if row is not None else None
        if row is not None:
            self.existing.append(row.name)


def _content(template: Any) -> tuple[Any, ...]:
    return template.name, template.channel, template.subject, template.html, template.text, template.content


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in range(2, MOST_USED))


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {text for part in value.values() for text in _texts(part)}
    if isinstance(value, list):
        return {text for part in value for text in _texts(part)}
    return {value} if isinstance(value, str) else set()


def _placed(error: Invalid, place: str) -> Invalid:
    """The same refusal, with paths below that part of the file."""
    errors = [FieldError(path=f"{place}.{one['path']}", message=one["message"]) for one in error.errors]
    return Invalid(error.message, errors=errors or [FieldError(path=place, message=error.message)])
