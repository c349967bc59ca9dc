"""Links of rendered HTML: found wherever they stand, and nothing else taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.liquid import html

_REFERENCE = re.compile(
    r"\b(?:href|src|action|formaction|background|poster|srcset)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>\"']+)", re.IGNORECASE
)
"""What a link is, in one slow expression."""


@pytest.mark.parametrize(
    ("source", "links"),
    [
        ('<a href="https://x.example">', ['"https://x.example"']),
        ("<a HREF = \t 'x'>", ["'x'"]),
        ("<img src=x srcset=y>", ["x", "y"]),
        ("<form formaction=a action=b>", ["a", "b"]),
        ('<a xlink:href="x" data-src="y">', ['"x"', '"y"']),
        ('<a thref="x" ihref=y _src=z>', []),
        ('<a href="https://x.example/?src=abc:def">', ['"https://x.example/?src=abc:def"']),
        ('<a style="x" title="href=inner">', ["inner"]),
        ('<a href="never closed', []),
        ("<a href=", []),
        ("href\n=\n\nx=1", ["x=1"]),
        ("<a href==x>", ["=x"]),
    ],
)
def test_links(source: str, links: list[str]) -> None:
    assert list(html._links(source)) == links
    assert _REFERENCE.findall(source) == links


_WORDS = [
    *(
        "href",
        "HREF",
        "src",
        "srcset",
        "action",
        "form",
        "background",
        "poster",
        "=",
        "=",
        "'",
        '"',
        " ",
        "\n",
        ">",
        "<a",
        "x",
    ),
    *("javascript:", "İ", "\u017f", "_", "-", ":", "1"),
]


@given(st.lists(st.sampled_from(_WORDS), max_size=40).map("".join))
def test_as_one_slow_expression_finds_them(source: str) -> None:
    assert list(html._links(source)) == _REFERENCE.findall(source)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", " java\nscript:x", "&#106;avascript:x", "data:text/html,x", "vbscript:x"]
)
def test_links_that_run_code_are_refused(link: str) -> None:
    assert html.refused_link(f'<a class="b" href="{link}">')
    assert html.refused_link(f"<form action = '{link}'>")
