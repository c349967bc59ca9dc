"""Everything that reads what strangers, programs or people send, and the pieces that could make it slow.

A new parser belongs into `PARSERS`; regular expressions are found by themselves (`patterns.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from app.accounts.pages import _OURS
from app.contacts import forms as contact_forms
from app.contacts.imports import cells, columns, csvfile, encodings, optouts, previewing
from app.contacts.imports.reading import Layout, Reader, shape, split
from app.contacts.imports.sniffing import Sniffer
from app.errors import AppError
from app.flow import conditions, paths
from app.flow.patterns import BadPattern, Pattern
from app.flow.scope import CompileScope
from app.lib import addresses, conversions, field_errors, jsonlimits, normal_forms
from app.lib.nearest import nearest
from app.liquid import html as liquid_html
from app.liquid import templates as liquid
from app.liquid.filters import strip_html
from app.mailbox import opened_mail
from app.message_templates import mail_view
from app.messaging.channels.email import plain_text, smtp_answers
from app.messaging.channels.filling import PartError
from app.values import contact_fields, languages, names, zone_names
from app.values.contact_fields import BadField
from app.web import body_guard, pagination
from app.web.user_agent import described

HTML = ("<", "<a ", '<a b="', "<a b='", "<!--", "<!", "<?", "<head ", "<head>", "<script>", "<style>", "</script", "<b>", "</b>",
        "<a href=x>y", "</a>", "<div style=display:none><b></i>", "&", "&#1", "&lt", "href=", 'href="', "href= 'j", " ", "\n \n",
        "http://", "http://a.", "<title>", "<a/", "<p>x</p>", "srcset=a:b ", 'onclick="', "<li>")  # fmt: skip
LIQUID = ("{{", "}}", "{%", "%}", "{{ a }}", "{{-", "-}}", "{% raw %}", "{% endraw %}", "{% doc %}", "{% comment %}", "{% endcomment %}",
          "{% if a %}", "{% endif %}", "{% liquid\n", "{% assign a = 1 %}", "{{ '", '{{ "', "{{ (", "{{ a[", "{{ a['b", "{{ a | b: ",
          "{ %", "{", "%", "{{ 1.", "{{ a.b.c }}", "{{ a | upcase }}", "{% case a %}{% when 1 %}", "{% cycle 1, 2 %}",
          "{% # x %}")  # fmt: skip
INSIDE = ("(", "a[", "['a' ", "['a'", "[ 'a'] ", "'", "a.", "a | ", "1", "-1", "a,", " ", "(1..", "a[b[", ".", "and a ", "a == ", "| a: b ",
          "a: ", "\n", "\t \n", "# \n", "echo a\n", "if a\n", "-", "=", "é")  # fmt: skip
TEXT = ("a", "A", "7", " ", ".", "-", "_", "@", "+", "(", ")", "/", ",", ":", "\n", "\u0301\u0316", "\u0f73", "é", "a.", "a@", "a b ", "aA",
        "1.", "1,", "1,000", "0", "e", "[0]", "[", '"', "'", "\\", "(gmt)", "xn--", "&", "İ", "%", "中", "\u1100\u1161")  # fmt: skip
CSV = ('"', '""', '",', ',"', 'a,"b\n', '"a",', '"\n', "a", ",", ";", "\t", "\n", "\r", "a@b.c,", '" ', ' "', '"a"b"', 'x"y,', "a@.", "a@",
       "1.", "=", "sep=;", "ä", "aA", "0", "(", "-", "\u0301\u0316", "a,b,c,d\n", 'a,b,"c\nd,e,f\n', 'a"b,c\n', '"a\n"b",\n')  # fmt: skip
JSON = ("[", "{", '"', '{"a":', "[[", "\\", '\\"', '""', "]", "}", ",", "1", "-", "[]", '{"a":1},')


@dataclass(frozen=True)
class Parser:
    """`read` is given a text made of pieces; errors that people are told are answers, too."""

    name: str
    read: Callable[[str], object]
    pieces: tuple[str, ...]
    before: str = ""
    after: tuple[str, ...] = ("\0",)
    largest: int = 24 * 4**4


TOLD = (AppError, BadField, BadPattern, liquid.LiquidError, PartError, csvfile.NotCsv, ValueError, jsonlimits.Unstorable,
        msgspec.DecodeError, RecursionError)  # fmt: skip


def told(function: Callable[[str], object]) -> Callable[[str], object]:
    """`function`, whose refusals are answers."""

    def read(text: str) -> object:
        with suppress(*TOLD):
            return function(text)
        return None

    return read


def _sniffed(text: str) -> object:
    sniffer = Sniffer()
    data = text.encode("utf-8", "surrogatepass")
    for at in range(0, len(data), 4_096):
        sniffer.feed(data[at : at + 4_096])
    found, _ = sniffer.finish()
    return previewing.looked_at(found, "contacts.csv")


def _header(text: str) -> object:
    return _sniffed("email," + text.replace("\n", " ") + "\nada@example.com,x\n")


def _records(text: str) -> object:
    layout = Layout(",", 3, 0, ("@",))
    return list(Reader(text.splitlines(keepends=True), layout))


def _compiled(html: bool) -> Callable[[str], object]:
    return lambda text: liquid._compile.__wrapped__(text, html)


def _rendered(text: str) -> object:
    return liquid.CompiledValue(text).render({"a": "b"})


def _unknown_field(text: str) -> object:
    return field_errors.all_field_errors({text: 1, "field": text}, conditions.Condition)


def _mail(text: str) -> object:
    data = text.encode()
    return opened_mail.opened(b"Subject: mail\nContent-Type: text/html; charset=utf-8\n\n" + data)


PARSERS = [
    Parser("Liquid as text", _compiled(False), LIQUID),
    Parser("Liquid as HTML", _compiled(True), (*LIQUID, *HTML)),
    Parser("Liquid in a placeholder", _compiled(False), INSIDE, "{{ ", (" }}",)),
    Parser("Liquid in a tag", _compiled(False), INSIDE, "{% if ", (" %}{% endif %}",)),
    Parser("Liquid in a loop", _compiled(False), INSIDE, "{% for a in ", (" %}{% endfor %}",)),
    Parser("Liquid line by line", _compiled(False), INSIDE, "{% liquid ", (" %}",)),
    Parser("Liquid in an assignment", _compiled(False), INSIDE, "{% assign a = ", (" %}",)),
    Parser("Liquid in a choice", _compiled(False), INSIDE, "{% case a %}{% when ", (" %}{% endcase %}",)),
    Parser("Liquid of a setting", _rendered, LIQUID),
    Parser("setting of a step", lambda text: CompileScope().value(text), (*LIQUID, *INSIDE), "{{ contact."),
    Parser("values in code", lambda text: liquid_html.forbidden_output(text, strict=True), (*HTML, *LIQUID), "{{ a }}"),
    Parser("links that run code", liquid_html.refused_link, HTML),
    Parser("text of HTML", plain_text.of_html, HTML),
    Parser("HTML of text", plain_text.as_html, (*HTML, *TEXT)),
    Parser("the filter strip_html", strip_html, HTML),
    Parser("frame of a mail", mail_view.framed, HTML),
    Parser("mail in the mailbox", _mail, (*HTML, *TEXT, "=?utf-8?q?a?=", "; a=b", "(a", "<a@b>,", "--x\n", "a: b\n")),
    Parser("file", _sniffed, CSV),
    Parser("rows of a file", _sniffed, CSV, "email,name,city\n"),
    Parser("header of a file", _header, (*CSV, *TEXT)),
    Parser("records", _records, CSV, 'a@b.cd,x,"y\n'),
    Parser("fields of a contact", lambda text: contact_forms.submitted({text: ""}), (*TEXT, "77777", "topic_"), "topic_"),
    Parser("line of a file", lambda text: split(text, ","), CSV),
    Parser("shape of a cell", shape, TEXT),
    Parser("encoding", lambda text: encodings.by_letters([text.encode("cp1252", "ignore")]), ("ä", "é", "aé", "É", "a", "ÄÖ", " ü ")),
    Parser("kind of a column", lambda text: cells.guess_kind([text[n : n + 40] for n in range(0, len(text), 40)], ","), TEXT),
    Parser("mark of a column", lambda text: cells.guess_mark([text[:39], text]), TEXT),
    Parser("number of a cell", cells.number_of_cell, TEXT),
    Parser("date of a cell", lambda text: cells.day(text, "dmy"), TEXT),
    Parser("opt-out of a column", lambda text: optouts.look(text, [text]), TEXT),
    Parser("target of a column", lambda text: columns.target_error(columns.Target("attributes." + text)), TEXT),
    Parser("address", addresses.email, TEXT),
    Parser("address after @", addresses.email, TEXT, "ada@"),
    Parser("comparable address", addresses.comparable, TEXT),
    Parser("address for the wire", addresses.wire_address, TEXT, "ada@"),
    Parser("phone", lambda text: addresses.phone(text, "DE"), TEXT),
    Parser("phone with country", lambda text: addresses.phone(text, None), TEXT, "+49"),
    Parser("time zone", lambda text: zone_names._understood.__wrapped__(text, None), TEXT, "x"),
    Parser("language", languages._understood.__wrapped__, TEXT, "x"),
    Parser("name", names.fitting, TEXT, "a"),
    Parser("checked name", names.checked, TEXT, "a"),
    Parser("tag", contact_fields.tag, TEXT),
    Parser("number", conversions.as_number, TEXT, "1"),
    Parser("date", conversions.as_date, TEXT, "2"),
    Parser("folded text", conversions.folded, TEXT),
    Parser("key", conversions.as_key, TEXT),
    Parser("composed text", normal_forms.nfc, TEXT),
    Parser("letters without accents", normal_forms.without_accents, TEXT),
    Parser("pattern", Pattern, (*TEXT, "(a", "a*", "[a", "a{9}", "a|", "(?:a*)*")),
    Parser("text for a pattern", Pattern(r"(a|aa)+\d*$").found_in, TEXT),
    Parser("path", paths.problem, TEXT),
    Parser("readable path", lambda text: paths.reader("contact." + text[:200], set()), TEXT),
    Parser("field errors", _unknown_field, TEXT),
    Parser("nearest name", lambda text: nearest(text, ["first_name", "last_name", text]), TEXT),
    Parser("cursor", lambda text: pagination.decode_cursor(text, str), TEXT),
    Parser("depth of JSON", lambda text: jsonlimits.structure_of(text.encode(), body_guard.MAX_DEPTH), JSON),
    Parser("JSON", lambda text: msgspec.json.decode(text.encode()), JSON),
    Parser("JSON to store", lambda text: jsonlimits.storable({"a": text}), TEXT),
    Parser("browser", described, (*TEXT, "Chrome/")),
    Parser("way back after signing in", _OURS.fullmatch, TEXT, "/"),
    Parser("answer of a mail server", lambda text: smtp_answers.__dict__["_ENHANCED"].match(text), TEXT, "5"),
]  # fmt: skip


def inputs(parser: Parser) -> list[tuple[str, Callable[[int], Callable[[], Any]]]]:
    """For each piece and end, what measures the parser with about n characters."""

    def work(piece: str, after: str) -> Callable[[int], Callable[[], Any]]:
        def sized(size: int) -> Callable[[], Any]:
            text = parser.before + piece * max(1, size // len(piece)) + after
            return lambda: read(text)

        return sized

    read = told(parser.read)
    return [(f"{piece!r} … {after!r}", work(piece, after)) for piece in parser.pieces for after in parser.after]
