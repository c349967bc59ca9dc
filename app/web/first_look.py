"""The frame of a page before its style sheets have come: a style in the page itself, and what lets browsers apply it.

On a slow network (400 ms, 50 KB/s) the builder was white for 2 s after its first byte, while its styles, font and scripts shared the line.
"""

from __future__ import annotations

import base64
import functools
import hashlib

from app.web.assets import ROOT
from app.web.bundles import minified


@functools.cache
def first_look() -> str:
    """The style sheet `static/first-look.css`, with the values of the design tokens that it names."""
    text = (ROOT / "first-look.css").read_text()
    for line in (ROOT / "tokens.css").read_text().splitlines():
        token, _, value = line.strip().removesuffix(";").partition(": ")
        if token.startswith("--"):
            text = text.replace(f"var({token})", value)
    return minified("text/css", text)


@functools.cache
def style_hash() -> str:
    """The source of the Content-Security-Policy that allows this style in a page, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(first_look().encode()).digest()).decode()}'"
