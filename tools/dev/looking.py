"""Opens each state of each page in a browser: for `./dev shots` and for the check of all pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.dev.page_states import PageState
from tools.dev.showcase import Showcase

PATIENCE_MS = 20_000
DRAWN = """async () => {
    await document.fonts.ready;
    await Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)));
}"""


class Views:
    """One context and page for each kind of reader in one theme and width, in which the states are opened one after the other."""

    def __init__(
        self, browser: Any, showcase: Showcase, *, theme: str, width: int, language: str = "en", **look: Any
    ) -> None:
        """`language` is what the browser asks for, `look` further options of Playwright's contexts."""
        self._browser, self._showcase, self._theme, self._width = browser, showcase, theme, width
        self._look = {"locale": language, **look}
        self._contexts: dict[str, Any] = {}
        self._pages: dict[str, Any] = {}

    def _context(self, who: str) -> Any:
        if who not in self._contexts:
            url = self._showcase.product.url
            context = self._browser.new_context(
                base_url=url,
                viewport={"width": self._width, "height": 900 if self._width > 600 else 844},
                color_scheme=self._theme,
                reduced_motion="reduce",
                has_touch=self._width < 600,
                **self._look,
            )
            context.set_default_timeout(PATIENCE_MS)
            cookies = [{"name": "theme", "value": self._theme, "url": url}]
            if who != "stranger":
                cookies.append({"name": "session", "value": self._showcase.session(who), "url": url})
            context.add_cookies(cookies)
            self._contexts[who] = context
        return self._contexts[who]

    @contextmanager
    def opened(self, state: PageState) -> Iterator[Any]:
        """The page in its state. Raises RuntimeError where it answers with another status."""
        page = self._blank(state.who)
        try:
            with self._showcase.trouble(state.trouble):
                answer = page.goto(self._showcase.address(state), wait_until="load")
            if answer is None or answer.status != state.status:
                raise RuntimeError(f"answered {answer and answer.status} instead of {state.status}")
            if state.act is not None:
                state.act(page)
            page.evaluate(DRAWN)
            yield page
        except BaseException:
            self._pages.pop(state.who).close()
            raise

    def _blank(self, who: str) -> Any:
        """The page of this reader with nothing of the state before: another one would be another process of the browser, for 0.3 s."""
        if who not in self._pages:
            self._pages[who] = self._context(who).new_page()
            return self._pages[who]
        page = self._pages[who]
        if page.url.startswith("http"):
            page.evaluate("sessionStorage.clear()")
        page.mouse.move(-1, -1)
        return page

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()
