"""The builder as a story uses it: open a workflow, draw with the mouse or the keyboard, ask what is there."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from e2e.product import Product

Graph = dict[str, Any]


def node(node_id: str, type_: str, x: int, y: int, **data: Any) -> Graph:
    """A step of a graph document."""
    return {"id": node_id, "type": type_, "position": {"x": x, "y": y}, "data": data}


def edge(source: str, target: str, port: str = "next") -> Graph:
    """A connection of a graph document."""
    return {"id": f"e-{source}-{port}", "source": source, "target": target, "sourceHandle": port}


def create(product: Product, name: str = "Story", **graph: Any) -> str:
    """A workflow made by the API; its id."""
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    answer = httpx.post(f"{product.url}/api/v1/workflows", json={"name": name, **graph}, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["data"]["id"]
    return made


def create_small(product: Product, name: str = "Small") -> str:
    """Trigger, a wait, a condition with a tag on Yes and another on No."""
    return create(
        product,
        name,
        trigger={"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}},
        nodes=[
            node("wait", "delay", 400, 168, duration=1, unit="days"),
            node("ask", "condition", 400, 336, conditions=[{"field": "plan", "operator": "equals", "value": "pro"}]),
            node("good", "add_tag", 264, 504, tag="good"),
            node("bad", "add_tag", 544, 504, tag="bad"),
        ],
        edges=[edge("trigger", "wait"), edge("wait", "ask"), edge("ask", "good", "true"), edge("ask", "bad", "false")],
    )


class Canvas:
    """One open builder. Coordinates of steps are those of the graph; the mouse moves in steps, as a hand does."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, workflow_id: str) -> Canvas:
        self.page.goto(f"/workflows/{workflow_id}")
        expect(self.page.locator("flow-canvas[data-ready]")).to_be_attached()
        return self

    # ---- what is there

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

    def wait_saved(self) -> None:
        expect(self.chip).to_have_attribute("data-state", "saved")

    def stored(self, product: Product, workflow_id: str) -> Graph:
        """The draft as the server has it."""
        headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
        found: Graph = httpx.get(f"{product.url}/api/v1/workflows/{workflow_id}", headers=headers, timeout=30).json()[
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
        self.drag(self.centre(self.page.locator(f".pi[data-type={type_}]")), to)

    def port(self, node_id: str, port: str = "next") -> Locator:
        return self.step(node_id).locator(f".h.out[data-port={port}]")

    def connect(self, source: str, port: str, target: str) -> None:
        self.drag(self.centre(self.port(source, port)), self.centre(self.card(target)))

    def plus(self, node_id: str, port: str = "next") -> Locator:
        return self.step(node_id).locator(f".plus[data-port={port}]")

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
