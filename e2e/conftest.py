"""Browser stories: a real Chromium against the real product, started as `./dev run` starts it.

    product       the running product: `.url`, `.email`, `.password`, `.connect()` (its database), `.api_key(role)`
    open_page     `open_page(theme="dark", width=390, signed_in=False)` → a page of a fresh context
    page          a signed-in page, light, 1440 x 900
    expect_accessible(page)   axe finds nothing (WCAG 2 A and AA and best practices)
    shot(page, "name")        screenshot into test-results/e2e

A story fails when a page asks for anything outside the machine, when a script throws, or when the console shows an error;
`page_errors.clear()` forgives what a story provokes on purpose. Time is never slept: use `expect(...)` of Playwright.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from e2e.product import TIMEOUT_MS, Product, start
from tools.dev import browser as browsers

ROOT = Path(__file__).resolve().parents[1]
AXE = ROOT / "e2e" / "vendor" / "axe-core-4.14.1" / "axe.min.js"
SHOTS = ROOT / "test-results" / "e2e"
INSIDE = ("127.0.0.1", "localhost")
ONLY_INSIDE = "--host-resolver-rules=MAP * ~NOTFOUND" + "".join(f", EXCLUDE {host}" for host in INSIDE)
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The product on a state directory of its own, with the demo workspace."""
    state = Path(tempfile.mkdtemp(prefix="throughline-e2e-"))
    running = start(state)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all stories; each page gets a context of its own."""
    path = browsers.find_or_fetch(print)
    expect.set_options(timeout=TIMEOUT_MS)  # a page that is on its way takes as long as an action may
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=[*browsers.flags(), ONLY_INSIDE])
        yield launched
        launched.close()


@pytest.fixture
def page_errors() -> Iterator[list[str]]:
    """What went wrong in the pages of this story. It must be empty at the end."""
    errors: list[str] = []
    yield errors
    assert not errors, "\n".join(errors)


@pytest.fixture
def open_page(
    chromium: Browser, product: Product, page_errors: list[str], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens pages in fresh contexts: signed in as the owner unless told otherwise. A failed story leaves their pictures."""
    contexts: list[BrowserContext] = []

    def on_request(sent: Request) -> None:
        # Not `context.route`: what it intercepts is not cached, so that each page would load and compile all scripts again.
        if (url := urlsplit(sent.url)).scheme != "blob" and url.hostname not in INSIDE:
            page_errors.append(f"asked for something outside: {sent.url}")

    cut_off: set[BrowserContext] = set()
    """Where a story took the connection away: what the pages asked for meanwhile had to fail."""

    def on_console(message: Any) -> None:
        # A refused answer is what stories check by what the page shows; the browser's own line about it is no error.
        forgiven = message.text.startswith("Failed to load resource")
        forgiven |= "Failed to fetch" in message.text and message.page.context in cut_off
        if message.type == "error" and not forgiven:
            page_errors.append(f"console: {message.text} ({message.location.get('url', '')})")

    def open_one(
        *, theme: str = "light", width: int = 1440, height: int = 900, signed_in: bool = True, **options: Any
    ) -> Page:
        context = chromium.new_context(
            base_url=product.url,
            viewport={"width": width, "height": height},
            color_scheme=theme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            has_touch=width < 600,
            **options,
        )
        contexts.append(context)
        connect = context.set_offline

        def set_offline(offline: bool) -> None:
            cut_off.add(context)
            connect(offline)

        context.set_offline = set_offline  # type: ignore[method-assign]
        context.set_default_timeout(TIMEOUT_MS)
        context.on("request", on_request)
        cookies = [{"name": "theme", "value": theme, "url": product.url}]
        if signed_in:
            cookies.append({"name": "session", "value": product.session(), "url": product.url})
        context.add_cookies(cookies)  # type: ignore[arg-type]
        opened = context.new_page()
        opened.on("pageerror", lambda error: page_errors.append(f"script: {error}"))
        opened.on("console", on_console)
        return opened

    yield open_one
    for number, context in enumerate(contexts):
        if request.node.stash.get(FAILED, False):
            for left in context.pages:
                SHOTS.mkdir(parents=True, exist_ok=True)
                name = re.sub(r"[^-.\w]+", "-", request.node.name)[:80]  # parameters may hold paths
                left.screenshot(path=SHOTS / f"failed-{name}-{number}.png")
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A signed-in page, light, 1440 x 900."""
    return open_page()


@pytest.fixture(scope="session")
def expect_accessible() -> Callable[..., None]:
    """`expect_accessible(page)`: axe finds no violation on the page as it is now, or none of these rules."""
    source = AXE.read_text()

    def check(page: Page, *, within: str | None = None, rules: Sequence[str] = ()) -> None:
        if not page.evaluate("'axe' in window"):  # half a megabyte, sent and compiled once for each document
            page.evaluate(source + ";undefined")
        found = page.evaluate(
            """([within, rules]) => axe.run(within || document,
                    {resultTypes: ['violations'], ...(rules.length && {runOnly: rules})}).then(result =>
                result.violations.map(v => `${v.id} (${v.impact}): ${v.help}\\n` + v.nodes.slice(0, 5).map(n =>
                    `    ${n.target.join(' ')}  ${n.failureSummary.replaceAll('\\n', ' ')}`).join('\\n')))""",
            [within, list(rules)],
        )
        assert not found, f"{page.url}\n" + "\n".join(found)

    return check


@pytest.fixture(scope="session")
def shot() -> Callable[..., Path]:
    """`shot(page, "home-dark")`: a screenshot in test-results/e2e."""

    def take(page: Page, name: str, *, full: bool = False) -> Path:
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        page.screenshot(path=path, full_page=full, animations="disabled")
        return path

    return take


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Lets `open_page` know that the story failed."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True
