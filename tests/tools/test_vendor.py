"""The vendored browser files are the ones MANIFEST.json lists, and each has its licence."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "app" / "static" / "vendor"


def check(root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "tools" / "vendor"), "--check"], capture_output=True, text=True, check=False
    )


def test_committed_files_are_as_listed() -> None:
    done = check()
    assert done.returncode == 0, done.stderr


def test_every_package_has_its_licence() -> None:
    listing = json.loads((VENDOR / "MANIFEST.json").read_text())
    assert listing
    for entry in listing:
        assert any(path.endswith("/LICENSE") for path in entry["files"]), entry["package"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """In a copy: other processes read the files at the same time."""
    shutil.copytree(VENDOR, tmp_path / "app" / "static" / "vendor")
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "vendor", tmp_path / "tools")
    assert check(tmp_path).returncode == 0
    with (tmp_path / "app" / "static" / "vendor" / "uplot-1.6.32" / "uplot.min.css").open("ab") as file:
        file.write(b" ")
    done = check(tmp_path)
    assert done.returncode == 1
    assert "uplot.min.css was changed" in done.stderr


def test_nothing_asks_for_a_source_map() -> None:
    assert not [path for path in VENDOR.rglob("*.js") if b"sourceMappingURL=" in path.read_bytes()]
