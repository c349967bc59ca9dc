"""A time of day as people write it in a form: `09:30`."""

from __future__ import annotations

from app.lib.translation import translatable

PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"
"""For `msgspec.Meta`."""
SENTENCE = translatable("Write a time of day with hours and minutes, such as 09:30.")
