"""Scripts say nothing to people that is not translated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.marked_scripts import unmarked_words
from tests.architecture.source import Tree

ROOT = Path(__file__).parents[2]


def test_texts_of_scripts_are_translated() -> None:
    assert not (wrong := unmarked_words(Tree(ROOT))), "\n".join(wrong)


def planted(folder: Path, text: str) -> list[str]:
    (folder / "app").mkdir()
    (folder / "app" / "a.js").write_text(text)
    return unmarked_words(Tree(folder))


@pytest.mark.parametrize(
    "text",
    [
        "toast('Copied.');",
        'toast("The browser did not allow copying.", "err");',
        "words.textContent = 'Reconnecting…';",
        'dialog.innerHTML = `<div><button value="no">Cancel</button></div>`;',
        'close.setAttribute("aria-label", "Dismiss");',
        'export function ask(question, { verb = "Yes" } = {}) {}',
        "const unknown = { label: 'Unknown step', category: 'exit' };",
        "const late = 1; // one\nsay('Choose what it looks at.');",
    ],
)
def test_what_nobody_translates_is_seen(tmp_path: Path, text: str) -> None:
    assert planted(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "toast(gettext('Copied.'));",
        'toast(ngettext("One row was moved.", "%(number)s rows were moved.", count));',
        "// 'This is a comment.'\n/* toast('Not this.'); */",
        "if (event.key === 'Enter') say(text);",
        "const GROUPS = { contact: 'Contact', event: 'Event' };",
    ],
)
def test_what_is_translated_and_what_nobody_reads_is_fine(tmp_path: Path, text: str) -> None:
    assert planted(tmp_path, text) == []
