"""Upload a file, look at it, say what its columns mean, start it, watch it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import PurePath
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.history_repository import EnterableWorkflows
from app.contacts.imports import ceilings, csvfile, previewing, repository, starting
from app.contacts.imports.csvfile import NotCsv
from app.contacts.imports.encodings import ENCODINGS
from app.contacts.imports.repository import ImportKey, ImportRepository
from app.contacts.imports.schemas import FormatIn, StartIn, StoredMapping
from app.contacts.imports.sniffing import Sniffer
from app.contacts.label_repository import LabelRepository
from app.errors import Conflict, FieldError, Invalid, NotFound, TooLarge
from app.lib import held_connections, jobs, sandbox
from app.lib.ids import uuid7
from app.lib.translation import gettext, translatable
from app.models.contact_import import ContactImport
from app.models.status import ImportStatus
from app.segment_member_repository import StaticSegments
from app.web.pagination import Page, clamp_limit

MAX_BYTES = 64_000_000
PIECE = 262_144
STOPPED = translatable("Stopped by %(name)s after %(rows)s rows.")
READ_S = 10.0
"""Processor time for the head of a file, 256 KB; the strangest encoding takes one second."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class NoImport(NotFound):
    """There is no such import in this workspace."""

    code = "import_not_found"


class Started(Conflict):
    """This import has been started already. Upload the file again to import it once more."""

    code = "import_started"


class Over(Conflict):
    """This import is over; there is nothing to stop."""

    code = "import_over"


class ImportService:
    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.rows = ImportRepository(session, principal.tenant_id)
        self.labels = LabelRepository(session, principal.tenant_id)
        self.workflows = EnterableWorkflows(session, principal.tenant_id)
        self.segments = StaticSegments(session, principal.tenant_id)

    async def get(self, import_id: UUID, *, lock: bool = False) -> ContactImport:
        """The import; NoImport when it is not in this workspace."""
        row = await self.rows.get_one_or_none(ContactImport.id == import_id, lock=lock)
        if row is None:
            raise NoImport
        return row

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[ContactImport]:
        """Imports, newest first."""
        return await self.rows.page([ContactImport.id], cursor, clamp_limit(limit), newest=True)

    async def upload(self, filename: str, source: Callable[[], AsyncIterator[bytes]]) -> ContactImport:
        """Look at the file, then store it in pieces; never holds more than two pieces. `source` gives its bytes, twice."""
        name = PurePath(filename.replace("\\", "/").replace("\0", "")).name[:200] or "contacts.csv"
        sniffer = Sniffer()
        try:
            async for piece in _in_pieces(source()):
                sniffer.feed(piece)
                if sniffer.size > MAX_BYTES:
                    raise TooLarge(
                        gettext(
                            "The file is larger than %(max_bytes)s MB. Split it into smaller files.",
                            max_bytes=MAX_BYTES // 1_000_000,
                        )
                    )
            sniffer.seal()
            await held_connections.release_connection(self.session)
            stored, total = await sandbox.run(previewing.proposal, sniffer, name, share=self._share, seconds=READ_S)
        except NotCsv as error:
            raise Invalid(str(error), errors=[{"path": "file", "message": str(error)}]) from error
        await ceilings.room_for_upload(self.session, self.principal.tenant_id)
        row = ContactImport(
            id=uuid7(),
            tenant_id=self.principal.tenant_id,
            filename=name,
            status=ImportStatus.UPLOADED.value,
            size=sniffer.size,
            rows_total=total,
            mapping=stored.as_json(),
            created_by=self.principal.user_id,
        )
        await self.rows.add(row)
        seq = 0
        async for piece in _in_pieces(source()):
            await repository.add_piece(self.session, ImportKey.of(row), seq, piece)
            seq += 1
        await self.session.flush()
        await self.session.refresh(row)
        return row

    @property
    def _share(self) -> tuple[str, str]:
        return (str(self.principal.tenant_id), str(self.principal.id))

    async def _to_read(self, import_id: UUID, *, lock: bool = False) -> ContactImport:
        row = await self.get(import_id, lock=lock)
        if row.status != ImportStatus.UPLOADED.value:
            raise Started
        return row

    async def reread(self, import_id: UUID, format_: FormatIn) -> ContactImport:
        """Look at the file again, read as somebody says it is written."""
        row = await self._to_read(import_id)
        if format_.encoding is not None and format_.encoding not in ENCODINGS:
            message = gettext(
                "There is no encoding of this name. Send one of %(encodings)s.", encodings=", ".join(ENCODINGS)
            )
            raise Invalid(errors=[{"path": "encoding", "message": message}])
        before, size, name = StoredMapping.of(row), row.size, row.filename
        head = await repository.first_piece(self.session, ImportKey.of(row))
        await held_connections.release_connection(self.session)
        try:
            stored, total = await sandbox.run(
                previewing.read_again, head, before, _choice(format_, before), name,
                whole=len(head) == size, share=self._share, seconds=READ_S,
            )  # fmt: skip
        except NotCsv as error:
            raise Invalid(str(error), errors=[{"path": "file", "message": str(error)}]) from error
        row = await self._to_read(import_id, lock=True)
        row.rows_total, row.mapping = total, stored.as_json()
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def start(self, import_id: UUID, settings: StartIn) -> ContactImport:
        """Begin the import in the background."""
        row = await self.get(import_id, lock=True)
        if row.status != ImportStatus.UPLOADED.value:
            raise Started
        stored = StoredMapping.of(row)
        field_errors = starting.settle(stored, settings, self.principal.country)
        field_errors += await self._settle_segment(stored, settings)
        if field_errors:
            raise Invalid(
                gettext("The import was not started. Look at `errors` for what to change."), errors=field_errors
            )
        await ceilings.room_to_start(self.session, row.tenant_id, row.rows_total)
        row.mapping, row.status = stored.as_json(), ImportStatus.QUEUED.value
        await self.labels.keep(starting.labels(stored))
        await self.session.flush()
        await self.session.refresh(row)
        jobs.enqueue(self.session, "import_contacts")
        return row

    async def _settle_segment(self, stored: StoredMapping, settings: StartIn) -> Sequence[FieldError]:
        stored.segment_id = settings.segment_id
        if settings.segment_id is None or settings.segment_id in [row.id for row in await self.segments.by_name()]:
            return []
        return [{"path": "segmentId", "message": gettext("There is no static segment of this id. Choose another one.")}]

    async def stop(self, import_id: UUID) -> ContactImport:
        """End the import after the rows that are in. What was imported stays."""
        row = await self.get(import_id, lock=True)
        if row.status in (ImportStatus.COMPLETED.value, ImportStatus.FAILED.value):
            raise Over
        row.status = ImportStatus.FAILED.value
        row.error = STOPPED % {"name": self.principal.name, "rows": f"{row.rows_done:,}"}
        await repository.drop_pieces(self.session, ImportKey.of(row))
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def errors_csv(self, row: ContactImport) -> AsyncIterator[str]:
        """What is told about rows, as CSV: safe to open in a spreadsheet, and fit to be mended and uploaded again."""
        columns_ = StoredMapping.of(row).format.columns
        yield _line([*columns_, "import_line", "import_result", "import_error"])
        after = 0
        while errors := await repository.errors(self.session, ImportKey.of(row), after):
            for error in errors:
                cells = [str(cell) for cell in error.row["cells"]][: len(columns_)]
                cells += [""] * (len(columns_) - len(cells))
                result = gettext("imported without these cells") if error.imported else gettext("refused")
                yield _line([*cells, str(error.row_number), result, error.message])
            after = errors[-1].row_number


def _choice(format_: FormatIn, before: StoredMapping) -> csvfile.Choice:
    """What was chosen now, and else what was found or chosen before; a new encoding or delimiter finds the header anew."""
    anew = format_.encoding is not None or format_.delimiter is not None
    return csvfile.Choice(
        encoding=format_.encoding,
        delimiter=format_.delimiter or (None if format_.encoding else before.format.delimiter),
        has_header=format_.has_header if format_.has_header is not None or anew else before.format.has_header,
    )


async def _in_pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for data in stream:
        buffer += data
        while len(buffer) >= PIECE:
            yield bytes(buffer[:PIECE])
            del buffer[:PIECE]
    if buffer:
        yield bytes(buffer)


def _line(cells: Sequence[str]) -> str:
    """One CSV line. A cell that a spreadsheet would run as a formula gets an apostrophe, which an import takes off again."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells])
    return out.getvalue()
