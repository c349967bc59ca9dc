"""The pages that `./dev bench canvas` compares: the builder with a flow of many steps, the first sketch of it, and @xyflow/react."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.rig.frames import Canvas

PAGES = Path(__file__).resolve().parents[1] / "canvases"
PACKAGES = ("@xyflow/react@12", "react@19", "react-dom@19", "esbuild@0.28")
FETCH_S = 180
TYPES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("send_email", {}),
    ("delay", {"duration": 1, "unit": "days"}),
    ("add_tag", {"tag": "seen"}),
    ("http_request", {"method": "POST", "url": "https://example.com/hook"}),
    ("update_contact", {}),
)
ASKS = {"conditions": [{"field": "plan", "operator": "equals", "value": "pro"}]}


def flow(steps: int) -> dict[str, Any]:
    """A draft of rows of 25 steps, 10 where there are few; each leads to the one below it, each ninth also to the one beside that."""
    columns = 25 if steps > 200 else 10
    nodes, edges = [], [{"id": "e", "source": "trigger", "target": "n0", "sourceHandle": "next"}]
    for index in range(steps):
        below, asks = index + columns, index % 9 == 0 and (index + 1) % columns and index + columns + 1 < steps
        type_, data = ("condition", ASKS) if asks else TYPES[index % len(TYPES)]
        place = {"x": 40 + index % columns * 280, "y": 208 + index // columns * 168}
        nodes.append({"id": f"n{index}", "type": type_, "data": data, "position": place})
        if below < steps:
            edges.append(
                {
                    "id": f"e{index}",
                    "source": f"n{index}",
                    "target": f"n{below}",
                    "sourceHandle": "true" if asks else "next",
                }
            )
        if asks:
            edges.append({"id": f"f{index}", "source": f"n{index}", "target": f"n{below + 1}", "sourceHandle": "false"})
    trigger = {"type": "event", "event": "canvas.opened", "position": {"x": 40, "y": 40}}
    return {"name": f"{steps} steps", "trigger": trigger, "nodes": nodes, "edges": edges}


def builder_page(url: str, workflow_id: str, cookie: str, token: str) -> Canvas:
    """The builder of a workflow that `flow` made, as the person of that session sees it."""
    return Canvas(
        "builder",
        f"{url}/workflows/{workflow_id}",
        card="#n-n2 .card",
        delta=7.26,
        ready="flow-canvas[data-ready]",
        wheel_key="Control",
        begin="() => document.querySelector('flow-canvas').setView({ x: -100, y: -50, k: 1 })",
        cookies=({"name": cookie, "value": token, "url": url},),
    )


def beside(port: int, steps: int) -> list[Canvas]:
    """What it is compared with; `serving` has @xyflow/react only where it could be built."""
    at = f"http://127.0.0.1:{port}"
    return [
        Canvas("sketch", f"{at}/prototype.html?n={steps}", card=".step[data-id=n2]", delta=36.3),
        Canvas("xyflow", f"{at}/xyflow.html?n={steps}", card=".react-flow__node[data-id=n2]", delta=52.4),
        Canvas(
            "xyflow, visible only",
            f"{at}/xyflow.html?n={steps}&visible=1",
            card=".react-flow__node[data-id=n2]",
            delta=52.4,
        ),
    ]


def build(folder: Path) -> str:
    """Fetch @xyflow/react into `folder` and bundle its page; answers why it could not be done, '' when it was."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return "npm is not installed"
    try:
        fetch = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
        subprocess.run(fetch, check=True, capture_output=True, timeout=FETCH_S)
        options = [
            "--bundle",
            "--minify",
            "--format=esm",
            "--jsx=automatic",
            '--define:process.env.NODE_ENV="production"',
        ]
        program = folder / "node_modules" / ".bin" / "esbuild"
        subprocess.run(
            [program, PAGES / "xyflow.jsx", *options, f"--outfile={folder / 'xyflow.bundle.js'}"],
            check=True, capture_output=True, timeout=FETCH_S, env={**os.environ, "NODE_PATH": str(folder / "node_modules")},
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        return f"npm could not fetch or build it ({error.__class__.__name__})"
    return ""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, built: Path, **options: Any) -> None:
        self._built = built
        super().__init__(*arguments, directory=str(PAGES), **options)

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].lstrip("/")
        return str(self._built / name) if name.startswith("xyflow.bundle.") else super().translate_path(path)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the figures are what is printed."""


@contextlib.contextmanager
def serving(built: Path) -> Iterator[int]:
    """The pages beside, on a free port of this machine; what `build` made lies in `built`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, built=built))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
