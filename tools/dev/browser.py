"""A Chromium for the browser tests: one that is there, else one that is fetched, else a clear error. Never none, silently."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from app.local import environment

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-features="
    # Popups of the address bar that nobody opens, each a page and a process of its own in every window: a context took 1.3 s of
    # processors with them and takes 0.4 without. A browser without windows (chromium-headless-shell) has none.
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    # The flag replaces the one of Playwright; this is what it leaves out.
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch",
)
NPM_PACKAGE = "@sparticuz/chromium@147.0.0"
_TRY = """
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    path = sys.argv[1] or playwright.chromium.executable_path
    playwright.chromium.launch(executable_path=path, args=sys.argv[2:], timeout=30_000).close()
    print(path)
"""


class NoBrowser(Exception):
    """No Chromium that starts. The message says how to get one."""


def flags() -> list[str]:
    """Command-line flags of the browser. Its sandbox does not work for root."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def find_or_fetch(say: Callable[[str], None]) -> str:
    """Path of a Chromium that really starts. Fetches one when the machine has none. Raises NoBrowser."""
    for path in _existing():
        if started := _starts(path):
            return started
    for what, fetch in (
        ("playwright's Chromium", _by_playwright),
        ("Chromium by apt", _by_apt),
        ("Chromium by npm", _by_npm),
    ):
        say(f"no browser yet: fetching {what} ...")
        fetched = fetch()
        if fetched is not None and (started := _starts(fetched)):
            return started
    raise NoBrowser(
        "The browser tests need Chromium and none could be fetched. Install one (Debian: apt install chromium; macOS: "
        "Google Chrome; anywhere: .venv/bin/playwright install --with-deps chromium), or name one: E2E_CHROMIUM=/path ./dev test"
    )


def _existing() -> Iterator[str]:
    if configured := environment.variable("E2E_CHROMIUM"):
        yield configured
        return
    yield ""  # playwright's own build
    yield from (path for name in NAMES if (path := shutil.which(name)))
    if MAC.exists():
        yield str(MAC)


def _starts(path: str) -> str:
    done = subprocess.run([sys.executable, "-c", _TRY, path, *flags()], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def _quietly(*command: str | Path, seconds: int = 600) -> bool:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _by_playwright() -> str | None:
    return "" if _quietly(sys.executable, "-m", "playwright", "install", "chromium") else None


def _by_apt() -> str | None:
    # On Ubuntu the package only leads to a snap; what it installs does not start, and the next way is tried.
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    _quietly("apt-get", "update")
    for name in NAMES[:2]:
        if _quietly("apt-get", "install", "-y", "--no-install-recommends", name) and (path := shutil.which(name)):
            return path
    return None


def _by_npm() -> str | None:
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    target = Path(tempfile.gettempdir()) / f"throughline-chromium-{os.geteuid()}"
    target.mkdir(mode=0o700, exist_ok=True)
    if not _quietly("npm", "install", "--silent", "--no-save", "--prefix", target, NPM_PACKAGE):
        return None
    unpack = "import('@sparticuz/chromium').then(m => m.default.executablePath()).then(p => console.log(p))"
    done = subprocess.run(["node", "-e", unpack], cwd=target, capture_output=True, text=True)
    return done.stdout.strip() or None
