"""Workflows that stories begin with, made by the API."""

from __future__ import annotations

from typing import Any

import httpx

from e2e.product import PLAIN, Product

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
    answer = httpx.post(f"{product.url}/api/v1/workflows", json={"name": name, **graph}, headers=headers, **PLAIN)
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
