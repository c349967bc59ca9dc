"""Retention rules: every table that grows without bound and what bounds it. Data without a rule is kept; the page says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from app.errors import FieldError, Invalid
from app.lib.formats import counted
from app.lib.translation import gettext, translatable

FOREVER = 0
"""The number of days that means: never deleted."""
A_YEAR_AND_A_MONTH = 395
CHOICES = (7, 30, 90, 180, A_YEAR_AND_A_MONTH, 730, FOREVER)
"""Days to choose from; 395 are 13 months, so that a month can be held against the same one of the year before."""


class Rule(NamedTuple):
    """One kind of what a workspace keeps. `most`: at most so many, the newest; None where only age bounds it."""

    name: str
    label: str
    text: str
    days: int
    """Kept for so long unless the workspace chose otherwise."""
    most: int | None = None
    by_month: bool = False
    """Kept in tables by month, which leave as a whole."""

    def whole_months(self, days: int) -> bool:
        """Do rows that are kept so long leave by whole months, and not day by day?"""
        return self.by_month and days >= A_YEAR_AND_A_MONTH


class Fixed(NamedTuple):
    """A fixed rule that no workspace can change: internal rows, deleted when they are no longer needed."""

    label: str
    text: str


RULES: tuple[Rule, ...] = (
    Rule(
        "runs",
        translatable("Runs, with their steps and messages"),
        translatable(
            "They leave together once a run is over, and with them failed attempts and what was decided about messages."
            " Runs under way, and those with a message still to be sent, stay. All numbers stay, and so does who may enter only once."
        ),
        A_YEAR_AND_A_MONTH,
        by_month=True,
    ),
    Rule(
        "events",
        translatable("Events"),
        translatable(
            "What your programs sent, and changes of contacts. Timelines, past events and the refusal of repeated ids reach back as far."
        ),
        A_YEAR_AND_A_MONTH,
        by_month=True,
    ),
    Rule(
        "imports",
        translatable("Import reports"),
        translatable("Files are deleted when they are imported; the report and its rows stay."),
        90,
    ),
    Rule(
        "dead_letters",
        translatable("Events set aside"),
        translatable("Events that could not be handled and that nobody tried again."),
        90,
    ),
    Rule(
        "mailbox",
        translatable("Mailbox"),
        translatable("Emails that the built-in mailbox took, on this machine only."),
        30,
        most=20_000,
    ),
)
FIXED: tuple[Fixed, ...] = (
    Fixed(
        translatable("Answers to repeated requests"),
        translatable("24 hours, so that a request sent twice is done once."),
    ),
    Fixed(translatable("Uploaded files that nobody imported"), translatable("1 day.")),
    Fixed(
        translatable("Rows of an import that failed"),
        translatable("The first 10,000 of each file; all of them are counted."),
    ),
    Fixed(
        translatable("Sign-ins"),
        translatable("Sessions and links that ended go after a day, failed sign-ins when they no longer count."),
    ),
    Fixed(translatable("Refused entries"), translatable("13 months: who met a trigger and was not let in.")),
    Fixed(
        translatable("Changes of a draft"),
        translatable("The newest 200 of each workflow, to undo and to see who did what."),
    ),
    Fixed(translatable("Signs of life of processes"), translatable("1 hour.")),
    Fixed(translatable("Counts of emails by the hour"), translatable("2 days, for the limits that the operator sets.")),
    Fixed(
        translatable("Numbers"),
        translatable("Kept: how many entered, left and reached a goal, at each step, also of runs that were removed."),
    ),
)
REFUSALS_KEPT = timedelta(days=A_YEAR_AND_A_MONTH)


def chosen(settings: Mapping[str, Any]) -> dict[str, int]:
    """Days by rule, out of the settings of a workspace."""
    own = settings.get("retention") or {}
    return {rule.name: int(own.get(rule.name, rule.days)) for rule in RULES}


def days_from_form(form_values: Mapping[str, str]) -> dict[str, int]:
    """Days by rule, from a form. Raises Invalid for values that are not offered."""
    errors: list[FieldError] = []
    days: dict[str, int] = {}
    for rule in RULES:
        value = form_values.get(rule.name, "")
        if value.isascii() and value.isdigit() and len(value) < 6 and int(value) in CHOICES:
            days[rule.name] = int(value)
        else:
            errors.append({"path": rule.name, "message": gettext("Choose one of the list.")})
    if errors:
        raise Invalid(errors=errors)
    return days


def words(days: int) -> str:
    """`30 days`, `13 months`, `2 years`, `For ever`."""
    special = {FOREVER: gettext("For ever"), 395: gettext("13 months"), 730: gettext("2 years")}
    return special.get(days) or counted(days, "day")
