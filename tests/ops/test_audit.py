"""`./dev audit`: what the product is made of, and an answer that never takes silence for an all-clear."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from app import cli
from app.local.environment import ROOT
from app.ops import audit

LOCK = ROOT / "requirements.lock"
VENDORED = ROOT / "app" / "static" / "vendor" / "MANIFEST.json"


def feed(tmp_path: Path, answer: str, *, code: int = 0, complaint: str = "") -> list[str]:
    """A stand-in for pip-audit that answers so."""
    script = tmp_path / "feed.py"
    script.write_text(f"import sys\nprint({answer!r})\nprint({complaint!r}, file=sys.stderr)\nsys.exit({code})\n")
    return [sys.executable, str(script)]


def test_the_sbom_names_every_pin_and_every_vendored_script(tmp_path: Path) -> None:
    output = tmp_path / "folder" / "sbom.json"
    assert cli.main(["audit", "--sbom-only", "--output", str(output)]) == 0
    made = json.loads(output.read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    pins = re.findall(r"^([\w.-]+)(?:\[.*\])?==", LOCK.read_text(), re.MULTILINE)
    names = [component["name"] for component in made["components"]]
    assert len(names) == len(pins) + len(json.loads(VENDORED.read_text()))
    assert {"litestar", "cryptography", "htmx.org"} <= set(names)
    for component in made["components"]:
        assert component["version"] in component["purl"]
        assert component["purl"].startswith("pkg:npm/") or component["hashes"]
    assert audit.sbom(LOCK, VENDORED) == made, "the same files give the same document"


@pytest.mark.parametrize(
    ("answer", "code", "complaint"),
    [
        ("", 1, "ConnectionError: feed.example cannot be reached"),
        ("not json", 1, ""),
        ('{"dependencies": []}', 0, ""),
        ('{"dependencies": [{"name": "litestar", "skip_reason": "not found on PyPI"}]}', 0, ""),
        ("[]", 0, "odd"),
    ],
)
def test_without_a_feed_it_says_so_with_a_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, code: int, complaint: str
) -> None:
    assert audit.ask_feed(LOCK, feed(tmp_path, answer, code=code, complaint=complaint)) == audit.NO_FEED
    assert "No advisories were looked up" in capsys.readouterr().err


def test_a_tool_that_is_not_there_is_no_all_clear(tmp_path: Path) -> None:
    assert audit.ask_feed(LOCK, [str(tmp_path / "missing")]) == audit.NO_FEED


def test_advisories_are_named_and_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = {"id": "PYSEC-2030-1", "fix_versions": ["9.9"]}
    found = [{"name": "idna", "version": "1.0", "vulns": [fault]}, {"name": "redis", "version": "2.0", "vulns": []}]
    assert audit.ask_feed(LOCK, feed(tmp_path, json.dumps({"dependencies": found}), code=1)) == audit.VULNERABLE
    assert "idna 1.0: PYSEC-2030-1, fixed in 9.9" in capsys.readouterr().out
    assert audit.ask_feed(LOCK, feed(tmp_path, json.dumps({"dependencies": found[1:]}))) == audit.NOTHING_KNOWN


def test_it_is_no_part_of_the_tests() -> None:
    assert "audit" not in (ROOT / ".ci" / "run").read_text()
    assert "audit" not in (ROOT / "tools" / "dev" / "testing.py").read_text()
