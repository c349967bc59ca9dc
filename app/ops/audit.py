"""The command `./dev audit`: what the product is made of (an SBOM), and whether advisories are known for any of it.

For CI where an advisory feed can be reached; never a part of `./dev test`, whose answer must not change with the world.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.local.environment import ROOT

TOOL = "pip-audit==2.10.1"
NOTHING_KNOWN, VULNERABLE, NO_FEED = 0, 1, 3
"""Exit codes; 2 is what argparse answers to a wrong option."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def run(options: argparse.Namespace) -> int:
    """Write the SBOM; then ask the feed, unless `--sbom-only`."""
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    document = sbom(ROOT / "requirements.lock", ROOT / "app" / "static" / "vendor" / "MANIFEST.json")
    output.write_text(json.dumps(document, indent=2) + "\n")
    print(f"{len(document['components'])} components written to {output}")
    return NOTHING_KNOWN if options.sbom_only else ask_feed(ROOT / "requirements.lock")


def sbom(lock: Path, vendored: Path) -> dict[str, Any]:
    """A CycloneDX 1.6 document of the pinned packages and the vendored scripts; the same files give the same document."""
    components = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in digests],
        }
        for name, version, digests in packages(lock)
    ]
    for entry in json.loads(vendored.read_text()):
        name, version = entry["package"], entry["version"]
        component = {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}",
        }
        components.append(
            {**component, "licenses": [{"license": {"id": entry["licence"]}}]} if entry.get("licence") else component
        )
    content = hashlib.sha256(json.dumps(components, sort_keys=True).encode()).hexdigest()
    serial = f"{content[:8]}-{content[8:12]}-5{content[13:16]}-8{content[17:20]}-{content[20:32]}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "throughline"}},
        "components": components,
    }


def packages(lock: Path) -> Iterator[tuple[str, str, list[str]]]:
    """(name, version, SHA-256 digests) of each pin of a lock file."""
    for part in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text()):
        if pin := _PIN.match(part):
            yield re.sub(r"[-_.]+", "-", pin[1]).lower(), pin[2], _HASH.findall(part)


def ask_feed(lock: Path, tool: list[str] | None = None) -> int:
    """Run pip-audit over the lock file and report. NO_FEED when the feed was unreachable, which is not an all-clear."""
    uvx = Path(sys.executable).with_name("uvx")
    command = tool or [str(uvx), "--from", TOOL, "pip-audit"]
    options = ["-r", str(lock), "--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        ended = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _no_feed(str(error))
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _no_feed(
            ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else f"exit code {ended.returncode}"
        )
    if skipped := [entry["name"] for entry in packages if "skip_reason" in entry]:
        return _no_feed(
            f"the feed knows nothing of {', '.join(sorted(skipped)[:3])} and others ({len(skipped)} in all)"
        )
    if not packages:
        return _no_feed("nothing was looked at")
    faults = [(entry, fault) for entry in packages for fault in entry.get("vulns", [])]
    for entry, fault in faults:
        fixed = ", ".join(fault.get("fix_versions") or []) or "no version yet"
        print(f"{entry['name']} {entry['version']}: {fault['id']}, fixed in {fixed}")
    print(f"{len(packages)} packages asked about, {len(faults)} advisories.")
    return VULNERABLE if faults else NOTHING_KNOWN


def _no_feed(reason: str) -> int:
    print(f"No advisories were looked up: {reason}. Run this where the feed can be reached.", file=sys.stderr)
    return NO_FEED
