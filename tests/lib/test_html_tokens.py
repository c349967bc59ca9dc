"""HTML in one pass: broken HTML is read as far as it goes, and nothing of it is lost in what is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib import html_tokens
from app.lib.html_tokens import pieces, unescaped
from app.message_templates.mail_view import framed
from app.messaging.channels.email import plain_text


def seen(source: str) -> list[str]:
    made = []
    for piece in pieces(source):
        attributes = "".join(f" {one.name}={piece.attribute(one.name)}" for one in piece.attributes)
        made.append(f"{'/' * piece.ends}{piece.tag}{attributes}" if piece.tag else source[piece.start : piece.end])
    return made


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("<P Class='a b' x>hi</p >", ["p class=a b x=", "hi", "/p"]),
        ('<a href="/?a=1&amp;b=>">x', ["a href=/?a=1&b=>", "x"]),
        ("a < b <- c <3 </>", ["a < b <- c <3 </>"]),
        ("<!doctype html><!-- <b> --><?xml?>x", ["x"]),
        ("<script>if (a<b) '</b>'</SCRIPT>y", ["script", "if (a<b) '</b>'", "/script", "y"]),
        ("<title>a <b> c", ["title", "a <b> c"]),
        ("<a href=x", ["<a href=x"]),
        ("<a b='1>2</a>", ["a b='1", "2", "/a"]),
        ("x<!-- never ends <b>", ["x"]),
        ("<br/><img alt = 'é'/>", ["br", "img alt=é"]),
    ],
)
def test_what_is_read(source: str, parts: list[str]) -> None:
    assert seen(source) == parts


@given(
    st.lists(
        st.sampled_from(["<", ">", "a", "/", "=", '"', "'", " ", "<!--", "-->", "<script>", "</script", "&", "é"])
    ).map("".join)
)
def test_pieces_are_in_order_and_within_the_source(source: str) -> None:
    at = 0
    for piece in pieces(source):
        assert at <= piece.start <= piece.end <= len(source)
        at = piece.end
    plain_text.of_html(source)


@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "<a",
                "<P",
                "</a>",
                "/",
                "=",
                '"',
                "'",
                " ",
                "\n",
                "b",
                'c="d"',
                "e='>'",
                "f=g",
                "<!--",
                "&",
                "é",
                "x" * 300,
            ]
        )
    ).map("".join)
)
def test_a_tag_that_is_remembered_is_read_as_one_that_is_not(source: str) -> None:
    remembered = list(pieces(source))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html_tokens, "LONGEST_KNOWN", 0)
        read = list(pieces(source))
    assert remembered == read
    assert [piece.attributes for piece in remembered] == [piece.attributes for piece in read]
    for one in (one for piece in remembered for one in piece.attributes):
        assert source[one.at : one.at + len(one.value)] == one.value


@pytest.mark.parametrize("entity", ["&#" + "9" * 5_000 + ";", "&#x" + "f" * 6_000, "&#99999999;"])
def test_a_huge_number_is_no_character(entity: str) -> None:
    assert unescaped(f"a{entity}z") == "a\ufffdz"
    assert plain_text.of_html(f"<a href='x{entity}'>y</a>") == "y (x\ufffd)\n"


def test_text_of_hidden_parts_and_of_links_in_links() -> None:
    source = "<div style='display: none'>no <b>no</i> no</b></div><a href='https://a.example'>one<a href='https://b.example'>two</a>!"
    assert plain_text.of_html(source) == "one (https://a.example)two (https://b.example)!\n"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<html><HEAD lang='a>b'><p>", "<html><HEAD lang='a>b'><base target=\"_blank\"><p>"),
        ("<header><p>", '<base target="_blank"><header><p>'),
        ("<!-- <head> --><p>", '<base target="_blank"><!-- <head> --><p>'),
    ],
)
def test_links_of_a_framed_mail_open_in_a_new_tab(html: str, shown: str) -> None:
    assert framed(html).content == shown
