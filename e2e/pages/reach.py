"""What of a page cannot be reached or read when somebody zooms in: it lies beside the screen, under something else, or is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_UNREACHED = Path(__file__).with_suffix(".js").read_text()


def unreached(page: Any) -> list[str]:
    """One line for each fault, with its kind and the control or the text (WCAG 1.4.4, 1.4.10, 2.4.11)."""
    lines: list[str] = page.evaluate(_UNREACHED)
    return lines
