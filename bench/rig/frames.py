"""What a canvas takes of a browser's main thread: the same gestures by real input on several pages, and what opening them takes.

A page is measured in milliseconds of its main thread an input event, all included: script, style, layout, paint, and timers that follow.
Chromium hands one move or turn of the wheel a frame to a page, so this is what a frame takes. It is processor time of the thread, which
other programs hardly change; what the thread waits for the compositor is no part of it. Pages are measured by turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page

SIZE = {"width": 1440, "height": 900}
MOVES, TURNS = 90, 60
STEP_PX = 3
"""A drag stays within 140 px of where it began, so that no canvas begins to follow the pointer."""
FACTOR = 0.93
"""A turn of the wheel: 30 of them lead from 100 to 11 %."""
PATIENCE_MS = 120_000
SETTLE_MS = 300

WATCH = """
globalThis.longTasks = [];
new PerformanceObserver((list) => { for (const one of list.getEntries()) longTasks.push(one.duration) })
  .observe({ type: 'longtask', buffered: true });
"""
PARTS = {"script": "ScriptDuration", "style": "RecalcStyleDuration", "layout": "LayoutDuration"}


@dataclass(frozen=True)
class Canvas:
    """A page with a canvas. `delta`: how far a wheel turns for FACTOR; `wheel_key`: what is held meanwhile; `begin`: shows it at 100 %."""

    name: str
    url: str
    card: str
    delta: float
    ready: str = "body[data-ready]"
    wheel_key: str = ""
    begin: str = ""
    cookies: tuple[dict[str, Any], ...] = ()


@dataclass
class Reading:
    """Of one canvas and one round."""

    milliseconds: dict[str, float] = field(default_factory=dict)
    """Main thread by gesture, an input event."""
    parts: dict[str, float] = field(default_factory=dict)
    """Script, style and layout of a gesture, the same."""
    first_paint: float = 0.0
    ready: float = 0.0
    longest: float = 0.0
    """Milliseconds: from the request to the first paint, to a canvas that takes input, and of the longest task until then."""
    elements: int = 0
    megabytes: float = 0.0


class OpenCanvas:
    """A canvas in a page of its own."""

    def __init__(self, context: BrowserContext, canvas: Canvas) -> None:
        self.canvas = canvas
        if canvas.cookies:
            context.add_cookies(list(canvas.cookies))  # type: ignore[arg-type]
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(WATCH)
        self.tools: CDPSession = context.new_cdp_session(self.page)
        self.tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def metrics(self) -> dict[str, float]:
        return {one["name"]: one["value"] for one in self.tools.send("Performance.getMetrics")["metrics"]}

    def open(self) -> Reading:
        """Load it: once to fill the caches of browser and server, once to be measured."""
        for _ in range(2):
            self.page.goto(self.canvas.url)
            self.page.wait_for_selector(self.canvas.ready, state="attached")
            ready = self.page.evaluate("performance.now()")
            self.page.wait_for_load_state("networkidle")
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
        reading = Reading(first_paint=self.page.evaluate(paint), ready=ready)
        reading.longest = self.page.evaluate("Math.max(0, ...longTasks)")
        reading.elements = self.page.evaluate("document.querySelectorAll('*').length")
        self.tools.send("HeapProfiler.collectGarbage")
        reading.megabytes = self.metrics()["JSHeapUsedSize"] / 1e6
        if self.canvas.begin:
            self.page.evaluate(self.canvas.begin)
        return reading

    def centre(self) -> tuple[float, float]:
        """The middle of the card that is dragged."""
        box = self.page.locator(self.canvas.card).bounding_box()
        assert box, f"{self.canvas.name}: the card is not on the screen"
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def ground(self) -> tuple[float, float]:
        """A place beside that card where nothing lies."""
        box = self.page.locator(self.canvas.card).bounding_box()
        assert box
        return box["x"] + box["width"] + 20, box["y"] + box["height"] / 2

    def timed(self, reading: Reading, name: str, inputs: int, gesture: Iterator[None]) -> None:
        """What `gesture` takes of the main thread, until nothing follows."""
        self.page.wait_for_timeout(SETTLE_MS)
        before = self.metrics()
        for _ in gesture:
            pass
        self.page.wait_for_timeout(SETTLE_MS)
        after = self.metrics()
        reading.milliseconds[name] = (after["TaskDuration"] - before["TaskDuration"]) * 1e3 / inputs
        for part, metric in PARTS.items():
            reading.parts[f"{name}, {part}"] = (after[metric] - before[metric]) * 1e3 / inputs

    def moves(self, start: tuple[float, float], button: str) -> Iterator[None]:
        """Press, move away and come again, let go."""
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down(button=button)  # type: ignore[arg-type]
        for number in range(MOVES):
            away = STEP_PX * min(number + 1, MOVES - number - 1)
            mouse.move(start[0] + away, start[1] + away / 2)
            yield
        mouse.up(button=button)  # type: ignore[arg-type]

    def wheel(self) -> Iterator[None]:
        """From 100 % out to 11 and in again, about a place in the middle."""
        mouse, key = self.page.mouse, self.canvas.wheel_key
        mouse.move(SIZE["width"] / 2, SIZE["height"] / 2)
        if key:
            self.page.keyboard.down(key)
        for number in range(TURNS):
            mouse.wheel(0, self.canvas.delta if number < TURNS / 2 else -self.canvas.delta)
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
            yield
        if key:
            self.page.keyboard.up(key)

    def far(self) -> None:
        """All of it in sight, at 11 %."""
        for number, _ in enumerate(self.wheel(), 1):
            if number == TURNS // 2:
                break
        if self.canvas.wheel_key:
            self.page.keyboard.up(self.canvas.wheel_key)


def read(context: BrowserContext, canvas: Canvas) -> Reading:
    """One round of one canvas: open it, drag a card, pan, zoom, pan with all in sight."""
    opened = OpenCanvas(context, canvas)
    reading = opened.open()
    opened.timed(reading, "drag", MOVES, opened.moves(opened.centre(), "left"))
    opened.timed(reading, "pan", MOVES, opened.moves(opened.ground(), "middle"))
    opened.timed(reading, "zoom", TURNS, opened.wheel())
    ground = opened.ground()
    opened.far()
    opened.timed(reading, "pan, all in sight", MOVES, opened.moves(ground, "middle"))
    opened.page.close()
    return reading
