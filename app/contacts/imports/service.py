"""Upload a file, look at it, say what its columns mean, start it, watch it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePath
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.imports import columns, repository
from app.contacts.imports.columns import Target
from app.contacts.imports.csvfile import NotCsv, Sniffer
from app.contacts.imports.schemas import StartIn, Stored
from app.errors import Complaint, Conflict, Invalid, NotFound, TooLarge
from app.lib import jobs
from app.lib.ids import uuid7
from app.lib.pagination import Page, clamp_limit, cut, decode_cursor
from app.models.contact_import import ContactImport
from app.models.status import ImportStatus
from app.values import contact_fields

MAX_BYTES = 64_000_000
PIECE = 262_144
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

    async def get(self, import_id: UUID, *, lock: bool = False) -> ContactImport:
        """The import; NoImport when it is not in this workspace."""
        found = await repository.get(self.session, self.principal.tenant_id, import_id, lock=lock)
        if found is None:
            raise NoImport
        return found

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[ContactImport]:
        """Imports, newest first."""
        size = clamp_limit(limit)
        before: UUID | None = decode_cursor(cursor, UUID)[0] if cursor else None
        rows = await repository.recent(self.session, self.principal.tenant_id, before, size)
        return cut(rows, size, key=lambda row: (row.id,))

    async def upload(self, filename: str, stream: AsyncIterator[bytes]) -> ContactImport:
        """Store the file in pieces as it arrives and look at it on the way; never holds more than two pieces."""
        row = ContactImport(
            id=uuid7(),
            tenant_id=self.principal.tenant_id,
            filename=PurePath(filename.replace("\\", "/").replace("\0", "")).name[:200] or "contacts.csv",
            status=ImportStatus.UPLOADED.value,
            created_by=self.principal.user_id,
        )
        self.session.add(row)
        await self.session.flush()
        sniffer = Sniffer()
        try:
            seq = 0
            async for piece in _in_pieces(stream):
                sniffer.feed(piece)
                if sniffer.size > MAX_BYTES:
                    raise TooLarge(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it into smaller files.")
                await repository.add_piece(self.session, row.id, seq, piece)
                seq += 1
            format, sample, total = sniffer.finish()
        except NotCsv as error:
            raise Invalid(str(error), errors=[{"path": "file", "message": str(error)}]) from error
        row.size, row.rows_total = sniffer.size, total
        shown = [[cell[:200] for cell in cells] for cells in sample]
        row.mapping = Stored(format=format, sample=shown, guess=columns.guess(format.columns, sample)).as_json()
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def start(self, import_id: UUID, wanted: StartIn) -> ContactImport:
        """Begin the import in the background."""
        row = await self.get(import_id, lock=True)
        if row.status != ImportStatus.UPLOADED.value:
            raise Started
        stored = Stored.of(row)
        complaints: list[Complaint] = []
        mapping = stored.guess if wanted.mapping is None else _mapping(wanted, stored, complaints)
        if not any(target.to in ("email", "externalId") for target in mapping.values()) and not complaints:
            message = "Map a column to email or externalId, so that each row finds its contact."
            complaints.append({"path": "mapping", "message": message})
        stored.mapping, stored.emit_events, stored.tags = mapping, wanted.emit_events, []
        for number, tag in enumerate(wanted.tags):
            try:
                stored.tags.append(contact_fields.tag(tag))
            except contact_fields.BadField as error:
                complaints.append({"path": f"tags[{number}]", "message": str(error)})
        if complaints:
            raise Invalid("The import was not started. Look at `errors` for what to change.", errors=complaints)
        row.mapping, row.status = stored.as_json(), ImportStatus.QUEUED.value
        await self.session.flush()
        await self.session.refresh(row)
        jobs.enqueue(self.session, "import_contacts")
        return row

    async def stop(self, import_id: UUID) -> ContactImport:
        """End the import after the rows that are in. What was imported stays."""
        row = await self.get(import_id, lock=True)
        if row.status in (ImportStatus.COMPLETED.value, ImportStatus.FAILED.value):
            raise Over
        row.status = ImportStatus.FAILED.value
        row.error = f"Stopped by {self.principal.name} after {row.rows_done:,} rows."
        await repository.drop_pieces(self.session, row.id)
        await self.session.flush()
        await self.session.refresh(row)
        return row

    async def errors_csv(self, row: ContactImport) -> AsyncIterator[str]:
        """The refused rows as CSV with the reason, safe to open in a spreadsheet, and fit to be mended and uploaded again."""
        columns_ = Stored.of(row).format.columns
        yield _line([*columns_, "import_row", "import_error"])
        after = 0
        while found := await repository.errors(self.session, row.id, after):
            for error in found:
                cells = [str(cell) for cell in error.row["cells"]][: len(columns_)]
                cells += [""] * (len(columns_) - len(cells))
                yield _line([*cells, str(error.row_number), error.message])
            after = found[-1].row_number


def _mapping(wanted: StartIn, stored: Stored, complaints: list[Complaint]) -> dict[str, Target]:
    mapping: dict[str, Target] = {}
    taken: dict[str, str] = {}
    for column, to in (wanted.mapping or {}).items():
        if column not in stored.format.columns:
            complaints.append({"path": f"mapping.{column}", "message": "The file has no column of this name."})
            continue
        if to is None or to == "":
            continue
        target = Target(to) if isinstance(to, str) else to
        if wrong := columns.check(target):
            complaints.append({"path": f"mapping.{column}", "message": wrong})
        elif target.to != "tags" and target.to in taken:
            message = f"The column {taken[target.to]} goes to {target.to} already."
            complaints.append({"path": f"mapping.{column}", "message": message})
        else:
            taken[target.to] = column
            mapping[column] = target
    return mapping


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
