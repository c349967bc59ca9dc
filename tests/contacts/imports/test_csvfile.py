"""What kind of CSV a file is, whatever the pieces it arrives in."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts.imports.csvfile import BadRow, Format, NotCsv, Sniffer, records


def sniff(data: bytes, piece: int = 1_000_000) -> tuple[Format, list[list[str]], int]:
    sniffer = Sniffer()
    for start in range(0, len(data), piece):
        sniffer.feed(data[start : start + piece])
    return sniffer.finish()


PLAIN = "email,First name,plan\nada@example.com,Ädä,pro\nbo@example.com,Bo,\n"


@pytest.mark.parametrize("piece", [1, 7, 1_000])
@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("latin-1", "windows-1252"), ("utf-16", "utf-16")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_delimiters_and_line_ends(piece: int, encoding: str, named: str, delimiter: str, end: str) -> None:
    data = PLAIN.replace(",", delimiter).replace("\n", end).encode(encoding)
    found, sample, total = sniff(data, piece)
    assert found == Format(named, delimiter, True, ("email", "First name", "plan"))
    assert sample == [["ada@example.com", "Ädä", "pro"], ["bo@example.com", "Bo", ""]]
    assert list(records(io.BytesIO(data), found)) == sample
    if encoding != "utf-16":
        assert total == 2


def test_a_late_umlaut_decides_the_encoding() -> None:
    data = b"email,city\n" + b"a@example.com,Berlin\n" * 30_000 + "b@example.com,Köln\n".encode("latin-1")
    found, _, total = sniff(data, 65_536)
    assert found.encoding == "windows-1252" and total == 30_001
    assert list(records(io.BytesIO(data), found))[-1] == ["b@example.com", "Köln"]


def test_commas_and_line_ends_inside_quotes() -> None:
    data = b'email;note\na@example.com;"one, two; ""three""\nfour"\n\n;\nb@example.com;x\n'
    found, sample, total = sniff(data, 3)
    assert found.delimiter == ";"
    assert sample == [["a@example.com", 'one, two; "three"\nfour'], ["b@example.com", "x"]]
    assert total in (2, 3)  # the row of one lonely delimiter is counted before the run knows better


def test_a_file_without_a_header_and_names_that_come_twice() -> None:
    found, sample, total = sniff(b"ada@example.com,Ada\nbo@example.com,Bo")
    assert not found.has_header and found.columns == ("Column 1", "Column 2") and total == 2 and len(sample) == 2
    found, _, _ = sniff(b"name,name,,name\nx,y,z,email@example.com\n")
    assert found.columns == ("name", "name (2)", "Column 3", "name (3)")
    found, _, _ = sniff(b"email\na@example.com\n")
    assert found.delimiter == "," and found.columns == ("email",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"a,b\n1,\0\n", "binary"),
        (b",,,\n,,\n", "no rows"),
        (",".join(str(n) for n in range(201)).encode(), "201 columns"),
    ],
)
def test_what_is_no_csv_is_said(data: bytes, said: str) -> None:
    with pytest.raises(NotCsv, match=said):
        sniff(data)


def test_a_monstrous_cell_is_a_bad_row_and_not_the_end() -> None:
    data = b"email,x\na@example.com," + b"y" * 200_000 + b"\nb@example.com,z\n"
    found, _, _ = sniff(data)
    rows = list(records(io.BytesIO(data), found))
    assert isinstance(rows[0], BadRow) and rows[-1] == ["b@example.com", "z"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=10), st.sampled_from([1, 5, 64]))
def test_what_was_written_is_read(rows: list[tuple[str, str]], piece: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([("first column", "second column"), *rows])
    data = out.getvalue().encode()
    found, _, total = sniff(data, piece)
    if found.delimiter == "," and found.has_header:
        wanted = [list(row) for row in rows if any(cell.strip() for cell in row)]
        assert list(records(io.BytesIO(data), found)) == wanted
        assert total >= len(wanted)
