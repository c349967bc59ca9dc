"""The builder as a story uses it: open a workflow, draw with the mouse or the keyboard, ask what is there."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from e2e.pages.panel import PanelForm
from e2e.product import PLAIN, Product
from e2e.workflows import Graph

HAS_LINE = """([source, port, target]) => [...document.querySelector('flow-canvas').graph.edges.values()]
  .some((edge) => edge.source === source && edge.sourceHandle === port && edge.target === target)"""


class Builder:
    """One open builder. Coordinates of steps are those of the graph; the mouse moves in steps, as a hand does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.form = PanelForm(page)

    def open(self, workflow_id: str) -> Builder:
        self.page.goto(f"/workflows/{workflow_id}")
        return self.ready()

    def ready(self) -> Builder:
        expect(self.surface).to_have_attribute("data-ready", "")
        return self

    def create(self, name: str) -> None:
        """A new workflow from the list, by its dialog."""
        self.page.goto("/workflows")
        self.page.get_by_role("button", name="New workflow").first.click()
        self.page.locator("dialog[open] input[name=name]").fill(name)
        self.page.get_by_role("button", name="Create and open").click()
        expect(self.page).to_have_url(re.compile(r"/workflows/[0-9a-f-]{36}$"))
        self.ready()

    # ---- what is there

    @property
    def surface(self) -> Locator:
        """The canvas itself."""
        return self.page.locator("flow-canvas")

    @property
    def selected(self) -> Locator:
        """The cards that are selected."""
        return self.page.locator(".node.sel")

    @property
    def toasts(self) -> Locator:
        return self.page.locator("#toasts")

    def entry(self, type_: str) -> Locator:
        """A type of step in the palette."""
        return self.page.locator(f".pi[data-type={type_}]")

    def titled(self, title: str) -> Locator:
        """The step whose card says `title`."""
        words = self.page.locator(".ti", has_text=re.compile(f"^{re.escape(title)}$"))
        return self.page.locator(".node").filter(has=words)

    def step(self, node_id: str) -> Locator:
        return self.page.locator(f"#n-{node_id}")

    def card(self, node_id: str) -> Locator:
        return self.step(node_id).locator(".card")

    @property
    def panel(self) -> Locator:
        return self.page.locator("#panel")

    @property
    def chip(self) -> Locator:
        return self.page.locator("#save-chip")

    @property
    def said(self) -> Locator:
        """What a screen reader was told last."""
        return self.page.locator("#canvas-live")

    def graph(self) -> Graph:
        """The working copy as a document."""
        found: Graph = self.page.evaluate("JSON.parse(JSON.stringify(document.querySelector('flow-canvas').graph))")
        return found

    def types(self) -> list[str]:
        return [node["type"] for node in self.graph()["nodes"]]

    def ways(self) -> set[tuple[str, str, str]]:
        """(source, port, target) of all connections."""
        return {(way["source"], way["sourceHandle"], way["target"]) for way in self.graph()["edges"]}

    def the(self, type_: str) -> str:
        """The id of the only step of a type."""
        [found] = [node["id"] for node in self.graph()["nodes"] if node["type"] == type_]
        return str(found)

    def position(self, node_id: str) -> tuple[float, float]:
        [found] = [node["position"] for node in self.graph()["nodes"] if node["id"] == node_id]
        return found["x"], found["y"]

    def expect_at(self, node_id: str, x: float, y: float) -> None:
        """Waits until the step stands there: what a key or the mouse did is drawn with the next frame."""
        nodes = "JSON.parse(JSON.stringify(document.querySelector('flow-canvas').graph)).nodes"
        stands = "(node) => node.id === id && node.position.x === x && node.position.y === y"
        self.page.wait_for_function(f"([id, x, y]) => {nodes}.some({stands})", arg=[node_id, x, y])

    def position_of(self, title: str) -> tuple[float, float]:
        """The same of the step whose card says `title`."""
        return self.position(str(self.titled(title).get_attribute("data-id")))

    def wait_saved(self) -> None:
        """What was typed or chosen last is noticed a moment later: until then the chip tells of the edits before."""
        self.page.wait_for_function("() => !document.querySelector('flow-canvas')?.panel?.waiting")
        expect(self.chip).to_have_attribute("data-state", "saved")

    def stored(self, product: Product, workflow_id: str) -> Graph:
        """The draft as the server has it."""
        headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
        found: Graph = httpx.get(f"{product.url}/api/v1/workflows/{workflow_id}", headers=headers, **PLAIN).json()[
            "data"
        ]
        return found

    # ---- doing

    def zoom_to(self, share: float) -> None:
        """Zoom about the middle, without animation."""
        self.page.evaluate(
            """k => { const c = document.querySelector('flow-canvas'), {w, h} = c.scene.size, v = c.view, r = k / v.k;
                      c.setView({k, x: w/2 - (w/2 - v.x) * r, y: h/2 - (h/2 - v.y) * r});
                      c.scene.flush() }""",
            share,
        )

    def show(self, node_id: str) -> None:
        """Put a step into the middle of the canvas, without animation."""
        self.page.evaluate(
            """id => { const c = document.querySelector('flow-canvas'), {w, h} = c.scene.size, k = c.view.k;
                       const b = c.scene.boxes.get(id);
                       c.setView({k, x: w/2 - (b.x + b.w/2) * k, y: h/2 - (b.y + b.h/2) * k}); c.scene.flush() }""",
            node_id,
        )

    def centre(self, place: Locator) -> tuple[float, float]:
        box = place.bounding_box()
        assert box, "it is not on the screen"
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def middle_of_edge(self, edge_id: str) -> tuple[float, float]:
        """Where the middle of a connection is on the screen."""
        found = self.page.evaluate(
            """id => { const c = document.querySelector('flow-canvas'), r = c.getBoundingClientRect();
                       const m = c.scene.routes.get(id).middle;
                       return [r.left + m.x * c.view.k + c.view.x, r.top + m.y * c.view.k + c.view.y] }""",
            edge_id,
        )
        return found[0], found[1]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] * 3 + end[0]) / 4, (start[1] * 3 + end[1]) / 4, steps=4)
        mouse.move(*end, steps=8)
        mouse.up()

    def drag_in(self, type_: str, to: tuple[float, float]) -> None:
        """Bring a step in from the palette."""
        self.entry(type_).scroll_into_view_if_needed()
        self.drag(self.centre(self.entry(type_)), to)

    def add(self, type_: str, to: tuple[float, float], name: str) -> None:
        """Bring a step in from the palette, and give it a name in its panel."""
        steps = self.page.locator(".node")
        before = steps.count()
        self.drag_in(type_, to)
        expect(steps).to_have_count(before + 1)
        added = self.selected.get_attribute("data-id")
        expect(self.panel.locator(f"form[data-about='{added}']")).to_be_visible()
        self.form.fill("f-step-name", name)
        expect(self.titled(name)).to_be_visible()

    def port(self, node_id: str, port: str = "next") -> Locator:
        return self.step(node_id).locator(f".h.out[data-port={port}]")

    def connect(self, source: str, port: str, target: str) -> None:
        self.drag(self.centre(self.port(source, port)), self.centre(self.card(target)))

    def connect_titled(self, source: str, target: str, port: str = "next") -> None:
        """Pull a line between two steps that are known by their titles, unless the step was dropped near enough; wait until it is there."""
        self.form.close()
        line = [self.titled(source).get_attribute("data-id"), port, self.titled(target).get_attribute("data-id")]
        if not self.page.evaluate(HAS_LINE, line):
            start = self.titled(source).locator(f".h.out[data-port={port}]")
            self.drag(self.centre(start), self.centre(self.titled(target)))
        self.page.wait_for_function(HAS_LINE, arg=line)

    def start_with_event(self, event: str) -> None:
        """Choose the event that starts it, on the empty canvas."""
        self.page.locator(".start", has_text="An event occurs").click()
        self.form.fill("f-event", event)
        self.form.close()

    def activate(self) -> None:
        """Through the dialog that says who will enter."""
        self.wait_saved()
        self.page.locator("#activate-button").click()
        self.page.locator("#activation button[type=submit]").click()
        expect(self.page.locator(".pill", has_text="Live v1")).to_be_visible()

    def plus(self, node_id: str, port: str = "next") -> Locator:
        return self.step(node_id).locator(f".plus[data-port={port}]")

    def add_below(self, title: str, way: str, word: str, name: str) -> None:
        """By the plus below a step, at a port or at the way out of that name, choose a type from the menu by typing; give it a name."""
        self.form.close()
        self.press("Escape")  # the tools of a selected step lie over the plus of the one above
        above = str(self.titled(title).get_attribute("data-id"))
        self.show(above)
        named = next((found["id"] for found in self.ways_out(above) if found["label"] == way), way)
        steps = self.page.locator(".node")
        before = steps.count()
        self.plus(above, named).click()
        self.choose(word)
        expect(steps).to_have_count(before + 1)
        added = self.selected.get_attribute("data-id")
        expect(self.panel.locator(f"form[data-about='{added}']")).to_be_visible()
        self.form.fill("f-step-name", name)
        expect(self.titled(name)).to_be_visible()

    def ways_out(self, node_id: str) -> list[Graph]:
        """The cases or variants of a step."""
        [data] = [node["data"] for node in self.graph()["nodes"] if node["id"] == node_id] or [{}]
        return data.get("cases") or data.get("variants") or []

    def choose(self, word: str) -> None:
        """Pick from the menu of steps by typing."""
        expect(self.page.locator("#add-menu")).to_be_visible()
        self.page.keyboard.type(word)
        self.page.keyboard.press("Enter")

    def open_form(self, node_id: str) -> Locator:
        self.card(node_id).click()
        form = self.panel.locator(f"form[data-about='{node_id}']")
        expect(form).to_be_visible()
        return form

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
