"""A file while its bytes stream by: its head, its encoding, how many lines it has."""

from __future__ import annotations

import codecs
from contextlib import suppress

from app.contacts.imports import encodings
from app.contacts.imports.csvfile import HEAD_BYTES, NotCsv, Preview, count, preview
from app.lib.translation import gettext

FOREIGN_BYTES = 65_536
"""How many bytes of lines beyond ASCII are kept, from anywhere in the file, to tell the encoding from."""


class Sniffer:
    """Takes the bytes of an upload piece by piece and keeps only its head, some lines beyond ASCII and a few counts."""

    def __init__(self) -> None:
        self.head = b""
        self.size = 0
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8 = False
        self._foreign: list[bytes] = []
        self._rest = b""
        self._room = FOREIGN_BYTES
        self._zeros = False
        self.line_ends = 0
        self._after_cr = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece. Raises NotCsv when this cannot be text."""
        self.size += len(piece)
        self.head += piece[: max(0, HEAD_BYTES - len(self.head))]
        if self.head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
            raise NotCsv(
                gettext("This is a workbook or document, not a CSV file. Save it as CSV (UTF-8) and upload that.")
            )
        self._zeros = self._zeros or b"\0" in piece
        if self._zeros and self.size >= 4_096:
            self._refuse_binary()
        if self._utf8 is not None:
            try:
                self._utf8.decode(piece)
            except UnicodeDecodeError:
                self._utf8 = None
        if self._room > 0 and (self._rest or not piece.isascii()):
            self._keep_foreign(piece)
        self._count_lines(piece)

    def _refuse_binary(self) -> None:
        if encodings.unicode_kind(self.head) is None:
            raise NotCsv(gettext("This file holds binary data. Save it as CSV (UTF-8) and upload that."))

    def _keep_foreign(self, piece: bytes) -> None:
        lines = (self._rest + piece).splitlines(keepends=True)
        self._rest = b"" if lines[-1].endswith((b"\n", b"\r")) else lines.pop()[:FOREIGN_BYTES]
        for line in lines:
            if not line.isascii() and self._room > 0:
                self._foreign.append(line[: self._room])
                self._room -= len(line)

    def _count_lines(self, piece: bytes) -> None:
        crlf = piece.count(b"\r\n") + (self._after_cr and piece.startswith(b"\n"))
        self.line_ends += piece.count(b"\n") + piece.count(b"\r") - crlf
        if piece:
            self._after_cr = piece.endswith(b"\r")

    def seal(self) -> None:
        """Nothing more comes. From here on the sniffer can be handed to another process."""
        if self._utf8 is not None:
            with suppress(UnicodeDecodeError):  # it ends in the middle of a character
                self._utf8.decode(b"", final=True)
                self._is_utf8 = True
            self._utf8 = None

    def encoding(self) -> str:
        """The encoding of all bytes that were fed."""
        if (kind := encodings.unicode_kind(self.head)) is not None:
            return kind
        self.seal()
        if self._is_utf8:
            return "utf-8-sig" if self.head.startswith(codecs.BOM_UTF8) else "utf-8"
        return encodings.by_letters([*self._foreign, self._rest])

    def finish(self) -> tuple[Preview, int]:
        """What the file is, and about how many rows are below its header: exact when all of it is head. Raises NotCsv.

        Takes some 100 ms for strange encodings: call it in the sandbox.
        """
        if not self.head.strip():
            raise NotCsv(gettext("This file is empty. Upload a CSV file with a header row and one row per contact."))
        if self._zeros:
            self._refuse_binary()
        head = preview(self.head, self.encoding(), whole=self.size == len(self.head))
        return head, count(head, self.line_ends, whole=self.size == len(self.head))
