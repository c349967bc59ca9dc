"""The mark of texts that a page shows and nobody has to translate where they stand: without anything that would have to be loaded.

Children that run code have only this; everything else takes it from `app.lib.translation`.
"""

from __future__ import annotations


def translatable(message: str) -> str:
    """The text unchanged: marks one that is declared once and shown by `gettext` when somebody reads it."""
    return message
