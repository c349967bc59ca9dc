"""Text for one line of a mail header or of an SMTP command: no line breaks, no control characters.

Invalid text is refused on input, and cleaned on use, for text that was stored before this rule.
"""

from __future__ import annotations

import re

from app.lib.translation import translatable

PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"
"""For `msgspec.Meta`."""
SENTENCE = translatable("Write this in one line, without line breaks or control characters.")
_FITS = re.compile(PATTERN)


def fits(text: str) -> bool:
    """Can `text` stand in one line as it is?"""
    return _FITS.match(text) is not None
