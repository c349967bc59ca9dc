"""Records of broken files: nobody disappears in the cell of somebody else."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts.imports.columns import Target
from app.contacts.imports.csvfile import records
from app.contacts.imports.plan import BadRow, Plan
from app.contacts.imports.reading import CUT, MAX_BROKEN, NO_END, STRAY_END, Layout, Reader, Record, split
from app.contacts.imports.sniffing import Sniffer


def read(text: str, encoding: str = "utf-8") -> list[Record]:
    data = text.encode(encoding)
    sniffer = Sniffer()
    sniffer.feed(data)
    found, _ = sniffer.finish()
    return list(records(io.BytesIO(data), found.format))


HEADER = "email,first name,plan\n"


@pytest.mark.parametrize(
    ("body", "cells"),
    [
        # opened and never closed, in a cell, at the end of a line, at its beginning
        (
            'ada@x.example,"Ada,pro\nbo@x.example,Bo,free\n',
            [["ada@x.example", "Ada", "pro"], ["bo@x.example", "Bo", "free"]],
        ),
        (
            'ada@x.example,Ada,"pro\nbo@x.example,Bo,free\n',
            [["ada@x.example", "Ada", "pro"], ["bo@x.example", "Bo", "free"]],
        ),
        (
            '"ada@x.example,Ada,pro\nbo@x.example,Bo,free\n',
            [["ada@x.example", "Ada", "pro"], ["bo@x.example", "Bo", "free"]],
        ),
        # closed in the right way, but two rows below
        (
            'ada@x.example,"Ada,pro\nbo@x.example,Bo,free\ncy@x.example,Cy",pro\ndi@x.example,Di,x\n',
            [
                ["ada@x.example", "Ada", "pro"],
                ["bo@x.example", "Bo", "free"],
                ["cy@x.example", "Cy", "pro"],
                ["di@x.example", "Di", "x"],
            ],
        ),
        # every cell in quotes, one of them lost
        (
            '"ada@x.example","Ada,"pro"\n"bo@x.example","Bo","free"\n"cy@x.example","Cy","pro\n"di@x.example","Di","x"\n',
            [
                ["ada@x.example", "Ada", "pro"],
                ["bo@x.example", "Bo", "free"],
                ["cy@x.example", "Cy", "pro"],
                ["di@x.example", "Di", "x"],
            ],
        ),
        # inches and nicknames are no quotes of ours
        (
            'ada@x.example,Monitor 24",pro\nbo@x.example,"The "Bo" B",x\n',
            [["ada@x.example", 'Monitor 24"', "pro"], ["bo@x.example", 'The "Bo" B', "x"]],
        ),
    ],
)
def test_a_broken_quote_swallows_nobody(body: str, cells: list[list[str]]) -> None:
    assert [record.cells for record in read(HEADER + body)] == cells


def test_a_quote_that_meets_a_later_one_swallows_nobody() -> None:
    """Most rows that are whole are broken ones, and still the addresses tell where each begins."""
    good, wide = "p0@x.example,Ada,pro\n", '@x.example,"a\nb",pro,extra\n'
    text = f'{good}p1@x.example,"Ada,pro\np2@x.example,Ada,pro\np3@x.example,Ada",pro\np4{wide}p5{wide}'
    begins = [record.cells[0][:2] for record in read(HEADER + text) if "@" in record.cells[0]]
    assert begins == ["p0", "p1", "p2", "p3", "p4", "p5"]


def test_what_is_broken_is_said_with_its_line() -> None:
    found = read(HEADER + 'ada@x.example,"Ada,pro\n\nbo@x.example,Bo",free\ncy@x.example,Cy,pro\n')
    assert [(record.line, record.flaw) for record in found] == [(2, NO_END), (4, STRAY_END), (5, "")]


def test_cells_of_many_lines_stay_whole() -> None:
    body = (
        'ada@x.example,"A, ""the"" first\r\nof all, she said\r\n",pro\nbo@x.example,Bo,"x\ny"\ncy@x.example,Cy,free\n'
    )
    assert [(record.line, record.cells, record.flaw) for record in read(HEADER + body)] == [
        (2, ["ada@x.example", 'A, "the" first\nof all, she said\n', "pro"], ""),
        (5, ["bo@x.example", "Bo", "x\ny"], ""),
        (7, ["cy@x.example", "Cy", "free"], ""),
    ]


def test_a_line_break_without_quotes_cuts_a_row() -> None:
    found = read(HEADER + "ada@x.example,Ada\nLovelace,pro\nbo@x.example,Bo,free\ncy@x.example,Cy\ndi@x.example,Di,x\n")
    assert [record.flaw for record in found] == [CUT, "", "", "", ""]


def test_ids_tell_rows_apart_where_there_are_no_addresses() -> None:
    text = 'number;name;note\nK-1;Ada;x\nK-2;Bo;x\nK-3;"Cy;x\nK-4;Di;x\nK-5;Eve;"one; two\nthree; four"\n'
    assert [record.cells[0] for record in read(text)] == ["K-1", "K-2", "K-3", "K-4", "K-5"]


def test_a_hopeless_file_takes_no_longer_than_its_lines() -> None:
    lines = [f'u{n}@x.example,x","y\n' for n in range(3 * MAX_BROKEN)]
    seen = 0

    def counted() -> object:
        nonlocal seen
        for line in lines:
            seen += 1
            yield line

    reader = Reader(counted(), Layout(",", 3, 0, ("@",)))  # type: ignore[arg-type]
    assert len(list(reader)) == len(lines) == seen
    assert reader._broken <= MAX_BROKEN


NAMES = st.sampled_from(["Ada", "Bo", 'The "Bo"', "Jö, the 2nd", "", "a\nb", "  ", '24"', "Łódź"])
BREAKS = st.sampled_from(["", "open", "close", "middle"])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
ROWS = st.lists(
    st.tuples(NAMES, BREAKS, ENDS, st.sampled_from(["full", "short", "wide", "blank"])), min_size=3, max_size=30
)


def written(cell: str) -> str:
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(char in cell for char in ',"\n') else cell


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_all_good_rows_of_any_broken_file_arrive(rows: list[tuple[str, str, str, str]], encoding: str) -> None:
    """Broken quotes, blank lines, ragged rows and mixed line ends: each good row comes in, and every row is counted once."""
    text, good, all_ = "email,name,plan\n", [], []
    for number, (name, broken, end, form) in enumerate(rows):
        if form == "blank":
            text += f"{',,' if broken else ''}{end}"
            continue
        address = f"p{number}@x.example"
        cell = {"": written(name), "open": '"Ada', "close": 'Ada"', "middle": '"A"da'}[broken]
        tail = {"full": ",pro", "short": "", "wide": ",pro,extra"}[form]
        text += f"{address},{cell}{tail}{end}"
        all_.append(address)
        if not broken and form != "wide":
            good.append(address)
    if not all_:
        return
    found = read(text, encoding)
    plan = Plan(["email", "name", "plan"], {"email": Target("email"), "name": Target("attributes.name")})
    became = [plan.change(record) for record in found]
    arrived = [row.change.email for row in became if not isinstance(row, BadRow)]
    refused = sum(isinstance(row, BadRow) for row in became)
    assert len(arrived) + refused == len(found)
    assert not set(good) - set(arrived)
    assert set(all_) == set(arrived), "broken rows come in as well, without what is broken"
    assert len({record.line for record in found}) == len(found)


@pytest.mark.parametrize(
    "line", ["a@" + "." * 60_000 + "@,x", '"' * 90_000, '"",' * 30_000, 'x","y' * 20_000, '"' + '""' * 40_000 + "x"]
)
def test_odd_lines_are_cut_in_linear_work(line: str) -> None:
    assert split(line, ",").cells
    assert len(read(f"email,x\n{line}\nada@x.example,y\n")) >= 1
