"""Who may not be written to, in the words of many products and languages. When in doubt: not written to, or asked."""

from __future__ import annotations

from typing import Any

import pytest

from app.contacts.imports import optouts
from app.contacts.imports.optouts import ConsentAnswer

OUT = """
Unsubscribed|Do Not Contact|Opt Out|Global Opt-Out|DNC|Suppressed|Bounced|Abgemeldet|Désabonné|Baja|Cancellato|Uitgeschreven
unsubscribed_at|OPTOUT_TIME|UNSUB_TIME|Unsubscribed from all email|HasOptedOutOfEmail|Do not allow Emails|donotbulkemail
IsEmailBounced|Email Opt Out|Opted out of email: One to One|EMAIL_BLACKLISTED|Blocklisted|Not subscribed|Email Suppressions
Marked as spam|Werbesperre|Nicht kontaktieren|Abmeldedatum|Robinsonliste|Keine Werbung|Désinscrit le|Ne pas contacter
Fecha de baja|Dado de baja|No contactar|Disiscritto|Non contattare|Afgemeld op|Niet mailen|Descadastrado|Não contatar
Wypisany|Nie kontaktować|Avregistrerad|Avanmäld|Kontakta inte|Avmeldt|Frameldt|Odhlášen|Leiratkozott|Dezabonat|Отписан|退订|配信停止
"""


@pytest.mark.parametrize("name", [name.strip() for name in OUT.replace("\n", "|").split("|") if name.strip()])
def test_names_of_columns_that_say_no(name: str) -> None:
    found = optouts.look(name, ["", ""])
    assert found is not None and found.reading == "opt_out" and found.sure


@pytest.mark.parametrize(
    "name",
    [
        "Email",
        "First name",
        "Position",
        "Opportunity",
        "Company",
        "Notes",
        "Plan",
        "Soft bounces",
        "Stopover",
        "Basket",
        "Unit",
    ],
)
def test_names_that_have_nothing_to_do_with_it(name: str) -> None:
    assert optouts.look(name, ["a", "b"]) is None


@pytest.mark.parametrize(
    ("name", "cells", "reading", "sure"),
    [
        ("Status", ["subscribed", "cleaned", ""], "opt_in", True),
        ("Email Marketing Status", ["Subscribed", "Unsubscribed"], "opt_in", True),
        ("Email Marketing Consent", ["NEVER_SUBSCRIBED", "SUBSCRIBED"], "opt_in", True),
        ("Newsletter", ["ja", "nein"], "opt_in", True),
        ("Abo-Status", ["angemeldet", "abgemeldet"], "opt_in", True),
        ("Anything", ["opted in", "opted out"], "opt_in", True),
        ("Status", ["active", "inactive"], "opt_in", False),
        ("Newsletter", ["weekly", "never"], "opt_in", False),
        ("Notes", ["called twice", "Unsubscribed"], "opt_in", False),
        ("Tags", ["vip, unsubscribed", "vip"], "opt_in", False),
        ("UNSUB_REASON", ["no longer interested"], "opt_out", False),
        ("Cancelled at", ["2024-01-02"], "opt_out", False),
        ("SMS opt-out", ["yes"], "opt_out", True),
    ],
)
def test_columns_by_name_and_cells(name: str, cells: list[str], reading: str, sure: bool) -> None:
    found = optouts.look(name, cells)
    assert found is not None and (found.reading, found.sure) == (reading, sure)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Status", ["lead", "customer"]),
        ("OPTIN_TIME", ["2024-01-02 10:00:00"]),
        ("unsubscribe_url", ["https://example.com/u/1"]),
        ("VIP", ["yes", "no"]),
        ("Plan", ["pro", "free"]),
    ],
)
def test_columns_that_are_something_else(name: str, cells: list[str]) -> None:
    assert optouts.look(name, cells) is None


def test_channels_of_their_own() -> None:
    topics = {
        name: (optouts.by_name(name) or pytest.fail(name)).topic for name in ("SMS Opt-out", "Do not call", "Opt-out")
    }
    assert topics == {"SMS Opt-out": "sms", "Do not call": "phone", "Opt-out": "email"}


@pytest.mark.parametrize(
    ("cell", "opt_in", "opt_out"),
    [
        ("yes", ConsentAnswer(True), ConsentAnswer(False)),
        ("JA", ConsentAnswer(True), ConsentAnswer(False)),
        ("sí", ConsentAnswer(True), ConsentAnswer(False)),
        ("x", ConsentAnswer(True), ConsentAnswer(False)),
        ("✓", ConsentAnswer(True), ConsentAnswer(False)),
        ("1", ConsentAnswer(True), ConsentAnswer(False)),
        ("no", ConsentAnswer(False), ConsentAnswer(None)),
        ("0", ConsentAnswer(False), ConsentAnswer(None)),
        ("Нет", ConsentAnswer(False), ConsentAnswer(None)),
        ("Subscribed", ConsentAnswer(True), ConsentAnswer(None)),
        ("Unsubscribed", ConsentAnswer(False), ConsentAnswer(False)),
        ("NEVER_SUBSCRIBED", ConsentAnswer(False), ConsentAnswer(False)),
        ("cleaned", ConsentAnswer(False, "bounced"), ConsentAnswer(False, "bounced")),
        ("Marked as Spam", ConsentAnswer(False, "complained"), ConsentAnswer(False, "complained")),
        ("2024-05-06 07:08:09", ConsentAnswer(True), ConsentAnswer(False)),
        ("6.5.2024", ConsentAnswer(True), ConsentAnswer(False)),
        ("0000-00-00 00:00:00", ConsentAnswer(None), ConsentAnswer(None)),
        ("1715000000", ConsentAnswer(False, doubt=True), ConsentAnswer(False)),
        ("maybe", ConsentAnswer(False, doubt=True), ConsentAnswer(False, doubt=True)),
        ("\ufffd", ConsentAnswer(False, doubt=True), ConsentAnswer(False, doubt=True)),
    ],
)
def test_cells(cell: str, opt_in: ConsentAnswer, opt_out: ConsentAnswer) -> None:
    assert optouts.read_consent_cell(cell, "opt_in") == opt_in and optouts.read_consent_cell(cell, "opt_out") == opt_out


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("unsubscribed_segment_export_8f2.csv", True),
        ("cleaned_members_export.csv", True),
        ("Abmeldungen 2024.csv", True),
        ("suppression-list.csv", True),
        ("hard bounces.csv", True),
        ("subscribed_segment_export.csv", False),
        ("contacts.csv", False),
        ("newsletter.csv", False),
    ],
)
def test_lists_of_people_who_opted_out(name: str, is_one: bool) -> None:
    assert optouts.about_list(name) is is_one


@pytest.mark.parametrize("text", ["A" * 200_000, "aB" * 100_000, "unsub" * 50_000, "," * 100_000, "yes " * 50_000])
def test_long_texts_are_little_work(text: str) -> None:
    found: Any = optouts.look(text, [text])
    assert found is None or found.reading
    assert not optouts.says_out(text)
