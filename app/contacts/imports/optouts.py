"""Who may not be written to, as files say it: in names of columns, in their cells, in the name of the file, in many languages.

Consent is opt-out, so a column of opt-outs that is not recognised would make people reachable who unsubscribed.
Therefore a possible opt-out counts as one, or the user is asked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from app.contacts.imports import optout_words as words
from app.lib.normal_forms import without_accents

Reading = Literal["opt_in", "opt_out"]
MAX_WORD = 60
"""No cell that is longer is a word of consent."""
MANY_KINDS, SHOWN_KINDS = 20, 6
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[T ].{0,30})?")
_NULL_DATE = re.compile(r"0000[-/.]00[-/.]00.{0,20}")
_NUMBER = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,6})?")
_SIGN = {"✓": "yes", "✔": "yes", "☑": "yes", "✗": "no", "✘": "no", "☐": "no"}


class ConsentAnswer(msgspec.Struct, frozen=True):
    """What a cell says about permission. `allowed` None: nothing. `why`: it opted out, it bounced, or a complaint came.

    `doubt` is set when the cell was not understood and therefore counts as an opt-out.
    """

    allowed: bool | None
    why: Literal["", "bounced", "unsubscribed", "complained"] = ""
    doubt: bool = False


NOTHING = ConsentAnswer(None)
_BEGINNINGS = frozenset(word[:2] for word in words.SURELY_OUT)


class Column(msgspec.Struct, frozen=True):
    """What a column has to do with permission. `topic` is the channel it is about.

    `sure`: it is one, and how it reads is known. Otherwise somebody has to say. `words` are cells that say no. `about`: it only
    tells more about an opt-out, such as its reason. `kinds` are the different cells of the head, as many as people can look over.
    """

    reading: Reading
    topic: str = "email"
    sure: bool = True
    words: tuple[str, ...] = ()
    about: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def says_no(self) -> bool:
        """Would somebody who opted out become reachable if this column were no consent?"""
        return self.reading == "opt_out" or bool(self.words)


@lru_cache(4_096)
def fold(text: str) -> str:
    """In small letters without accents, words apart: `HasOptedOutOfEmail` is `has opted out of email`."""
    apart = _CAMEL.sub(" ", text[:200])
    plain = without_accents(apart).casefold().replace("ł", "l").replace("ø", "o").replace("đ", "d").replace("ı", "i")
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


def _has(joined: str, stems: Iterable[str]) -> bool:
    return any(stem in joined for stem in stems)


def by_name(name: str) -> Column | None:
    """What the name of a column says. None: nothing about permission."""
    folded = fold(name)
    tokens, joined = set(folded.split()), folded.replace(" ", "")
    about = not tokens.isdisjoint(words.ABOUT) or "link" in joined or joined.endswith("url")
    topic = next((topic for topic, stems in words.CHANNELS.items() if _has(joined, stems)), "email")
    if "soft" in tokens and "bounc" in joined:
        return None
    if _has(joined, words.OUT_STEMS) or not tokens.isdisjoint(words.OUT_TOKENS):
        return Column("opt_out", topic, sure=not about, about=about)
    if _has(joined, words.MAYBE_OUT_STEMS) or not tokens.isdisjoint(words.MAYBE_OUT_TOKENS):
        return Column("opt_out", topic, sure=False)
    if not about and (_has(joined, words.IN_STEMS) or not tokens.isdisjoint(words.IN_TOKENS)):
        return Column("opt_in", topic)
    return None


def about_list(filename: str) -> bool:
    """Does the name of the file say that everybody in it opted out or bounced: `unsubscribed_segment_export.csv`?"""
    column = by_name(filename.rpartition(".")[0] or filename)
    return (column is not None and column.reading == "opt_out") or fold(filename).split()[:1] == ["cleaned"]


def look(name: str, cells: Sequence[str]) -> Column | None:
    """What a column is, by its name and the cells of the head of the file. None: nothing about permission."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    column = _look(name, filled)
    if column is None:
        return None
    kinds = tuple(itertools.islice(dict.fromkeys(cell[:MAX_WORD] for cell in filled), SHOWN_KINDS))
    return msgspec.structs.replace(column, kinds=kinds)


def _look(name: str, filled: Sequence[str]) -> Column | None:
    by_column_name = by_name(name)
    kinds = dict.fromkeys(fold(cell) for cell in filled if len(cell) <= MAX_WORD)
    out = tuple(dict.fromkeys(cell for cell in filled if len(cell) <= MAX_WORD and says_out(cell)))[:3]
    short = len(kinds) <= MANY_KINDS and all(len(cell) <= MAX_WORD for cell in filled)
    vocabulary_only = short and bool(kinds) and all(_known(cell) for cell in kinds)
    if by_column_name is not None and by_column_name.reading == "opt_out":
        if all("://" in cell for cell in filled) and filled:
            return None  # a link to unsubscribe with
        return msgspec.structs.replace(by_column_name, words=out)
    if by_column_name is not None and short and not (filled and all(_DATE.fullmatch(cell) for cell in filled)):
        no = tuple(dict.fromkeys(cell for cell in filled if read_consent_cell(cell, "opt_in").allowed is False))[:3]
        return msgspec.structs.replace(by_column_name, sure=vocabulary_only or not filled, words=no)
    if vocabulary_only and any(word in words.LIST_WORDS for word in kinds):
        return Column("opt_in", by_column_name.topic if by_column_name else "email", words=out)
    if out:
        return Column("opt_in", sure=False, words=out)
    if vocabulary_only and _is_status(name) and not kinds.keys().isdisjoint(words.OUT):
        return Column("opt_in", sure=False, words=tuple(kinds)[:3])
    return None


def _is_status(name: str) -> bool:
    return not set(fold(name).split()).isdisjoint(words.STATUS_TOKENS)


def _known(folded: str) -> bool:
    return folded in words.OUT or folded in words.IN or folded in words.YES or folded in words.NO


def says_out(cell: str) -> bool:
    """Is the cell, or one of the tags in it, a word that only an opt-out is called: `Unsubscribed`, `DNC`, `abgemeldet`?"""
    # Every cell of a file comes here; nine of ten are sent away for 0.2 µs instead of 5.
    plain = cell.isascii() and cell[:1].isalnum() and "," not in cell and ";" not in cell and "|" not in cell
    if len(cell) > 200 or (plain and cell[:2].lower() not in _BEGINNINGS):
        return False
    return any(fold(part) in words.SURELY_OUT for part in re.split(r"[,;|]", cell) if len(part) <= MAX_WORD)


@lru_cache(1_024)
def read_consent_cell(cell: str, reading: Reading) -> ConsentAnswer:
    """What a cell that is not blank says in a column of those who opted in, or of those who opted out."""
    folded = fold(_SIGN.get(cell, cell)) if len(cell) <= MAX_WORD else ""
    if _NULL_DATE.fullmatch(cell):
        return NOTHING
    if folded in words.COMPLAINED:
        return ConsentAnswer(False, "complained")
    if folded in words.BOUNCED:
        return ConsentAnswer(False, "bounced")
    if folded in words.OUT:
        return ConsentAnswer(False)
    if folded in words.IN:
        return ConsentAnswer(True) if reading == "opt_in" else NOTHING
    dated = bool(_DATE.fullmatch(cell))
    if folded in words.YES or dated:
        return ConsentAnswer(reading == "opt_in")
    if folded in words.NO:
        return ConsentAnswer(False) if reading == "opt_in" else NOTHING
    if reading == "opt_out" and _NUMBER.fullmatch(cell):
        return ConsentAnswer(False)  # how often it bounced, or seconds since 1970
    return ConsentAnswer(False, doubt=True)


def why_of(name: str) -> Literal["", "bounced", "complained"]:
    """Whether a yes in an opt-out column of this name is about the mailbox, a complaint, or only a wish."""
    joined = fold(name).replace(" ", "")
    if _has(joined, ("complain", "spamreport", "beschwerde", "plainte")):
        return "complained"
    if _has(joined, ("hardbounc", "bounced", "unzustellbar", "undeliverable", "rebotad", "rimbalz")):
        return "bounced"
    return ""
