"""The vendored browser files are the ones MANIFEST.json lists, and each has its licence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "app" / "static" / "vendor"


def check() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "vendor"), "--check"], capture_output=True, text=True, check=False
    )


def test_committed_files_are_as_listed() -> None:
    done = check()
    assert done.returncode == 0, done.stderr


def test_every_package_has_its_licence() -> None:
    listing = json.loads((VENDOR / "MANIFEST.json").read_text())
    assert listing
    for entry in listing:
        assert any(path.endswith("/LICENSE") for path in entry["files"]), entry["package"]


def test_a_changed_file_is_noticed() -> None:
    target = VENDOR / "uplot-1.6.32" / "uplot.min.css"
    original = target.read_bytes()
    try:
        target.write_bytes(original + b" ")
        done = check()
    finally:
        target.write_bytes(original)
    assert done.returncode == 1
    assert "uplot.min.css was changed" in done.stderr


def test_nothing_asks_for_a_source_map() -> None:
    assert not [path for path in VENDOR.rglob("*.js") if b"sourceMappingURL=" in path.read_bytes()]
