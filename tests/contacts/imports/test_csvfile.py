"""What kind of CSV a file is, whatever the pieces it arrives in."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts.imports.csvfile import Choice, Format, NotCsv, preview, records
from app.contacts.imports.encodings import ENCODINGS
from app.contacts.imports.sniffing import Sniffer


def sniff(data: bytes, piece: int = 1_000_000) -> tuple[Format, list[list[str]], int]:
    sniffer = Sniffer()
    for start in range(0, len(data), piece):
        sniffer.feed(data[start : start + piece])
    found, total = sniffer.finish()
    return found.format, found.rows, total


def read(data: bytes, format: Format) -> list[list[str]]:
    return [record.cells for record in records(io.BytesIO(data), format)]


PLAIN = "email,First name,plan\nada@example.com,Ädä,pro\nbo@example.com,Bo,\n"


@pytest.mark.parametrize("piece", [1, 7, 1_000])
@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("latin-1", "windows-1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("mac_roman", "macintosh"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(piece: int, encoding: str, named: str, delimiter: str, end: str) -> None:
    data = PLAIN.replace(",", delimiter).replace("\n", end).encode(encoding)
    found, sample, total = sniff(data, piece)
    assert (found.encoding, found.delimiter, found.has_header) == (named, delimiter, True)
    assert found.columns == ("email", "First name", "plan") and total == 2
    assert sample == [["ada@example.com", "Ädä", "pro"], ["bo@example.com", "Bo", ""]]
    assert read(data, found) == sample


WORDS: Any = [
    ("Müller;Köln\nJürgen;Düsseldorf\nBjörn;Großbeeren", ("cp1252", "mac_roman")),
    ("Müller;Straße\nJürgen;Düsseldorf\nKöhler;Gütersloh", ("cp850",)),
    ("Jütte;Fürth\nBüscher;Würzburg", ("cp850", "mac_roman")),
    ("Hélène;Orléans\nFrançois;Besançon\nAnaïs;Cœur", ("cp1252", "mac_roman", "iso8859_15")),
    ("Søren;København\nÅse;Århus", ("cp1252", "mac_roman")),
    ("João;São Paulo\nConceição;Brasília\nSimões;Évora", ("cp1252", "mac_roman")),
    ("O’Neil;5 €\nD’Arcy;7 €", ("cp1252",)),
    ("Łukasz;Łódź\nMałgorzata;Kraków\nZdzisław;Częstochowa", ("cp1250", "iso8859_2")),
    ("Jiří;Plzeň\nŽaneta;České Budějovice\nOndřej;Ústí", ("cp1250", "iso8859_2")),
    ("Győző;Győr\nErzsébet;Pécs\nBálint;Székesfehérvár", ("cp1250",)),
    ("Şükrü;İstanbul\nGülşah;Eskişehir\nÇağrı;Muğla", ("cp1254",)),
    ("Jānis;Rīga\nĒriks;Liepāja\nŅina;Ķegums", ("cp1257",)),
    ("Иван;Москва\nНаталья;Санкт-Петербург\nАлексей;Казань", ("cp1251", "koi8_r", "mac_cyrillic")),
    ("Γιώργος;Αθήνα\nΕλένη;Θεσσαλονίκη", ("cp1253",)),
    ("田中 太郎;東京都\n鈴木 花子;大阪府\n佐藤 さくら;北海道", ("cp932", "euc_jp")),
    ("王伟;北京市\n李娜;上海市\n张敏;广州市", ("gb18030",)),
    ("김민수;서울특별시\n이영희;부산광역시\n박철수;대구", ("cp949",)),
]


@pytest.mark.parametrize(("text", "codec"), [(text, codec) for text, codecs in WORDS for codec in codecs])
def test_code_pages_are_told_by_their_letters(text: str, codec: str) -> None:
    lines = [f"p{number}@example.com;{line}" for number, line in enumerate(text.splitlines())]
    data = "\n".join(["email;name;city", *lines]).encode(codec)
    found, _, _ = sniff(data)
    assert read(data, found) == [line.split(";") for line in lines], found.encoding


def test_a_little_damage_does_not_change_the_encoding() -> None:
    data = b"email,city\n" + "".join(f"p{n}@example.com,Köln\n" for n in range(20)).encode()
    data += b"x@example.com,K\xf6ln\n"
    found, _, _ = sniff(data)
    assert found.encoding == "utf-8" and read(data, found)[0] == ["p0@example.com", "Köln"]
    assert read(data, found)[-1] == ["x@example.com", "K\ufffdln"]


def test_a_late_umlaut_decides_the_encoding() -> None:
    data = b"email,city\n" + b"a@example.com,Berlin\n" * 30_000 + "b@example.com,Köln\n".encode("latin-1")
    found, _, total = sniff(data, 65_536)
    assert found.encoding == "windows-1252" and total == 30_001
    assert read(data, found)[-1] == ["b@example.com", "Köln"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;"])
def test_the_line_that_tells_excel_the_delimiter_is_no_header(first: str) -> None:
    data = f"{first}\r\nemail;price\r\nada@example.com;1,5\r\n".encode("utf-8-sig")
    found, sample, total = sniff(data)
    assert (found.delimiter, found.columns, total) == (";", ("email", "price"), 1)
    assert sample == read(data, found) == [["ada@example.com", "1,5"]]
    assert next(records(io.BytesIO(data), found)).line == 3


def test_commas_and_line_ends_inside_quotes() -> None:
    data = b'email;note\na@example.com;"one, two; ""three""\nfour"\n\n;\nb@example.com;x\n'
    found, sample, total = sniff(data, 3)
    assert found.delimiter == ";"
    assert sample == [["a@example.com", 'one, two; "three"\nfour'], ["b@example.com", "x"]]
    assert total == 2


def test_a_file_without_a_header_and_names_that_come_twice() -> None:
    found, sample, total = sniff(b"ada@example.com,Ada\nbo@example.com,Bo")
    assert not found.has_header and found.columns == ("Column 1", "Column 2") and total == 2 and len(sample) == 2
    found, _, _ = sniff(b"name,name,,name\nx,y,z,email@example.com\n")
    assert found.columns == ("name", "name (2)", "Column 3", "name (3)")
    found, _, _ = sniff(b"email\na@example.com\n")
    assert found.delimiter == "," and found.columns == ("email",)


def test_columns_without_a_name_are_columns() -> None:
    found, _, _ = sniff(b"email,name\na@example.com,Ada,pro\nb@example.com,Bo,free\nc@example.com,Cy\n")
    assert found.columns == ("email", "name", "Column 3")


def test_a_choice_overrules_what_was_found() -> None:
    head = "Größe,a|b@example.com\nKöln,c|d@example.com\n".encode("mac_roman")
    found = preview(head, "windows-1252", Choice(encoding="macintosh", delimiter="|", has_header=True), whole=True)
    assert found.format.columns == ("Größe,a", "b@example.com") and found.rows == [["Köln,c", "d@example.com"]]


def test_every_encoding_that_can_be_chosen_is_one() -> None:
    for encoding in ENCODINGS.values():
        assert "a,b".encode(encoding.codec).decode(encoding.codec).lstrip("\ufeff") == "a,b"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"a,b\n1,\0\n", "binary"),
        (b"a,b\n" + bytes(range(256)) * 40, "binary"),
        (b",,,\n,,\n", "no rows"),
        (",".join(str(n) for n in range(201)).encode(), "201 columns"),
    ],
)
def test_what_is_no_csv_is_said(data: bytes, said: str) -> None:
    with pytest.raises(NotCsv, match=said):
        sniff(data)


def test_a_monstrous_cell_or_line_is_a_bad_row_and_not_the_end() -> None:
    data = (
        b"email,x\na@example.com," + b"y" * 200_000 + b"\nb@example.com,z\n" + b"q" * 3_000_000 + b"\nc@example.com,z\n"
    )
    found, _, _ = sniff(data)
    rows = list(records(io.BytesIO(data), found))
    assert [row.cells[:1] for row in rows] == [[], ["b@example.com"], [], ["c@example.com"]]
    assert "100,000 characters" in rows[0].flaw and "1,000,000 characters" in rows[2].flaw
    assert [row.line for row in rows] == [2, 3, 4, 5]


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
        wanted = [[cell.removeprefix("\ufeff") for cell in row] for row in rows if any(cell.strip() for cell in row)]
        assert read(data, found) == wanted
        assert total == len(wanted)
