"""Random loops with a time, one in the other, whose bodies wait in every way that there is: as plain Python does it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engine.drawn_configs import CALLEES, configs, timeouts
from tests.engine.test_against_reference import RETRY
from tests.engine.test_every_type import check_alike, lives, settled
from tests.fixtures.world import World, flow, node

__all__ = ["settled"]
BODY = ("delay", "wait_until", "wait_for_event", "time_window", "hold", "sub_workflow", "send_email", "http_request", "listen",
        "trouble", "add_tag", "update_contact", "condition")  # fmt: skip
OWN_CONFIGS: dict[str, dict[str, Any]] = {
    "wait_until": {"at": "2090-01-01T00:00:00Z"},
    "sub_workflow": {
        "workflowId": min(CALLEES),
        "mode": "wait",
        "audience": "contact",
        "input": {"k": "{{ event.k }}"},
    },
}
"""Of types whose other configs never wait, or fail only after what else arrives with the start."""


@st.composite
def bodies(draw: st.DrawFn, prefix: str, depth: int) -> tuple[list[dict[str, Any]], list[tuple[str, ...]], str]:
    """A loop and its body: nodes, edges within it, and the id of the loop. Its way out is left to others."""
    loop = f"{prefix}0"
    timeout = draw(st.sampled_from([None, 1_801, 5_403, 9_007, 9_007]))
    items = draw(st.sampled_from([[1, 2], "{{ event.list }}", "{{ event.list }}"]))
    nodes = [{**node(loop, "loop", items=items, **{"as": f"v{prefix}"}), **({"timeout": timeout} if timeout else {})}]
    edges, before, port = [], loop, "body"
    for number in range(1, draw(st.integers(2, 4))):
        if depth and draw(st.integers(0, 2)) == 0:
            inner, inner_edges, name = draw(bodies(f"{prefix}{number}i", depth - 1))
            nodes += inner
            edges += [*inner_edges, (before, name, port)]
            before, port = name, "done"
            if draw(st.booleans()):
                edges.append((name, loop, "error"))
            continue
        name, kind = f"{prefix}{number}", draw(st.sampled_from(BODY))
        data = OWN_CONFIGS[kind] if kind in OWN_CONFIGS else draw(configs(kind, [loop]))
        retry = RETRY if draw(st.integers(0, 2)) == 0 else None
        nodes.append({**node(name, kind, retry, **data), **draw(timeouts(kind))})
        edges.append((before, name, port))
        before, port = name, {"condition": "true", "hold": "approve"}.get(kind, "next")
        for other in {
            "condition": ["false"],
            "wait_for_event": ["timeout"],
            "listen": ["timeout"],
            "hold": ["timeout"],
        }.get(kind, []):
            edges += [(name, loop, other)] if draw(st.booleans()) else []
        edges += [(name, loop, "error")] if draw(st.integers(0, 3)) == 0 else []
    edges += [(before, loop, port)] if draw(st.integers(0, 5)) else []
    return nodes, edges, loop


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    nodes, edges, loop = draw(bodies("n", 2))
    nodes += [node("done", "add_tag", tag="done"), node("late", "add_tag", tag="late-{{ vars.vn }}")]
    edges += [("trigger", loop), ("hand", loop), (loop, "done", "done")]
    edges += draw(st.sampled_from([[], [(loop, "late", "error")], [(loop, "late", "error"), ("late", loop)]]))
    triggers = [
        {"id": "trigger", "type": "event", "data": {"event": "go"}},
        {"id": "hand", "type": "manual", "data": {"contact": "optional"}},
    ]
    document = flow(None, nodes, *edges, goals=[{"id": "g", "event": "bought"}])
    del document["trigger"]
    return {**document, "triggers": triggers}


def test_waits_in_bodies_end_with_their_loops_as_in_plain_python(
    world: World, settled: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None, phases=[Phase.generate])
    @given(
        graph=graphs(),
        life=lives,
        together=st.booleans(),
        batch=st.sampled_from([1, 7, 1_000]),
        crashes=st.none() | st.integers(0, 1_000),
    )
    def alike(graph: dict[str, Any], life: list[Any], together: bool, batch: int, crashes: int | None) -> None:
        life = [("go", 0, 1), ("go", 1, 2), *life, ("travel", 1, 0), ("travel", 2, 0), ("travel", 30, 0)]
        check_alike(world, settled, monkeypatch, graph, life, together=together, batch=batch, crashes=crashes)

    alike()
    cut_short = world.one("select count(*) from steps where port like 'late.%%'")
    assert cut_short > 20, "the examples are about waits that a loop ends"
