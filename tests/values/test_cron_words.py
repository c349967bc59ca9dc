"""What schedules say, in the reader's language: whole sentences, never English words between German ones."""

from __future__ import annotations

import pytest

from app.lib import translation
from app.values.cron import BadCron, Cron
from app.values.cron_words import cron_words

SAYINGS = [
    ("0 9 * * *", "At 09:00 every day", "Um 09:00 Uhr jeden Tag"),
    ("  0  9 * * MON-FRI ", "At 09:00 on Monday to Friday", "Um 09:00 Uhr von Montag bis Freitag"),
    ("30 8,17 * * 6,0", "At 08:30 and 17:30 on Saturday and Sunday", "Um 08:30 und 17:30 Uhr am Samstag und Sonntag"),
    ("0 9 * * mon-wed,fri", "At 09:00 on Monday to Wednesday and Friday", "Um 09:00 Uhr am Montag bis Mittwoch und Freitag"),
    ("*/15 * * * *", "Every 15 minutes every day", "Alle 15 Minuten jeden Tag"),
    ("* * * * *", "Every minute every day", "Jede Minute jeden Tag"),
    ("5 * * * tue", "Every hour at minute 5 on Tuesday", "Jede Stunde zur Minute 5 am Dienstag"),
    ("0 * * * *", "Every hour every day", "Jede Stunde jeden Tag"),
    ("0 9 1 * *", "At 09:00 on day 1 of each month", "Um 09:00 Uhr am 1. jedes Monats"),
    ("0 9 l * *", "At 09:00 on the last day of each month", "Um 09:00 Uhr am letzten Tag jedes Monats"),
    ("0 9 1 1 *", "By the schedule 0 9 1 1 *", "Nach dem Zeitplan 0 9 1 1 *"),
    ("0 9 * * mon#1", "By the schedule 0 9 * * mon#1", "Nach dem Zeitplan 0 9 * * mon#1"),
    ("0 9", "", ""),
    (None, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "english", "german"), SAYINGS)
def test_it_says_what_it_means(text: str | None, english: str, german: str) -> None:
    assert cron_words(text) == english
    with translation.using("de"):
        assert cron_words(text) == german


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("61 9 * * *", "Minute: „61“"),
        ("0 9 * * 8", "Wochentag: „8“"),
        ("0 9 31 13 *", "Monat: „13“"),
        ("@daily", "Wochentag"),
        ("0 9 * *", "fünf Felder"),
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused_in_german(text: str, german: str) -> None:
    with translation.using("de"), pytest.raises(BadCron) as refusal:
        Cron(text)
    assert german in str(refusal.value)
    assert not {"minute,", "hour", "day", "of", "is", "such"} & set(str(refusal.value).split())
