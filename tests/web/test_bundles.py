"""Bundles: one file for a page's modules, which says what they say; and how much a first visit of the builder may weigh."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import brotli
import httpx
import pytest

from app.models import Workflow
from app.models.status import Role
from app.web.assets import assets
from app.web.bundles import BUNDLES, NoBundle, bundle_of, minified, script_bundles
from tests.builder.test_pages import service as service
from tests.builder.test_pages import workflow as workflow
from tests.fixtures.people import BrowserClients

CANVAS_BYTES, SCRIPT_BYTES, STYLE_BYTES, VISIT_BYTES = 35_000, 50_000, 16_000, 120_000
"""Compressed: the canvas, all our scripts of the page, its styles, and everything. What would add more is loaded when it is first used."""
NODE = shutil.which("node")


def one_bundle(files: dict[str, str], entry: str) -> str:
    name = entry.replace(".js", ".bundle.js")
    return script_bundles({name: (entry,)}, files.__getitem__)[name]


def test_modules_become_functions_in_the_order_of_their_imports() -> None:
    files = {
        "a/main.js": "// @ts-check\nimport { one as first, two } from './b.js';\nimport * as c from './c.js';\nimport './d.js';\n"
        "import { far } from '../far.js';\nexport const whole = () => [first, two(), c.three, far];\n",
        "a/b.js": "import { three } from './c.js';\nexport const one = three + 1;\nexport async function two() {}\n",
        "a/c.js": "export class Three {}\nexport const three = 3;\n",
        "a/d.js": "globalThis.d = `kept  ${1 && ` | ${2}`} // as it is`;\n",
    }
    made = one_bundle(files, "a/main.js")
    assert made.startswith("import * as s0 from '../far.js';")
    assert made.index("const three = 3") < made.index("const one =") < made.index("const whole =")
    assert "`kept  ${1 && ` | ${2}`} // as it is`" in made
    small = minified("text/javascript", made)
    assert "`kept  " in small and " // as it is`" in small and "ts-check" not in small


LATER = {
    "a/main.js": "import { later } from './later.js';\nimport { Shared } from './shared.js';\n/** @type {import('./menu.js').Menu} */\n"
    "const part = later(() => import('./menu.js'));\nexport const open = async () => (await part()).make() instanceof Shared;\n"
    "open().then((same) => console.log(same ? 'one class' : 'two'));\n",
    "a/later.js": "export const later = (load) => load;\n",
    "a/menu.js": "import { Shared } from './shared.js';\nimport { own } from './own.js';\nexport const make = () => new Shared(own);\n",
    "a/own.js": "export const own = 1;\n",
    "a/shared.js": "export class Shared {}\n",
}
PARTS = {"a/main.bundle.js": ("a/main.js",), "a/menu.bundle.js": ("a/menu.js",)}


def test_what_is_loaded_when_it_is_first_used_takes_from_the_first_bundle_what_both_need() -> None:
    made = script_bundles(PARTS, LATER.__getitem__)
    assert "class Shared" in made["a/main.bundle.js"] and "class Shared" not in made["a/menu.bundle.js"]
    assert "own = 1" in made["a/menu.bundle.js"] and "own = 1" not in made["a/main.bundle.js"]
    assert "import { $shared } from './main.bundle.js';" in made["a/menu.bundle.js"]
    assert "import('./menu.bundle.js').then((all) => all.$menu)" in made["a/main.bundle.js"]


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_class_that_two_bundles_need_is_one(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name, text in script_bundles(PARTS, LATER.__getitem__).items():
        (tmp_path / Path(name).name).write_text(minified("text/javascript", text))
    assert subprocess.check_output([NODE or "", tmp_path / "main.bundle.js"], text=True) == "one class\n"


def test_what_is_needed_at_once_is_not_loaded_later_and_what_is_loaded_later_has_a_bundle() -> None:
    with pytest.raises(NoBundle, match="needs it at once"):
        script_bundles(PARTS, (LATER | {"a/later.js": "import './menu.js';\nexport const later = 1;\n"}).__getitem__)
    with pytest.raises(NoBundle, match="entry of no bundle"):
        script_bundles({"a/main.bundle.js": ("a/main.js",)}, LATER.__getitem__)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    files = {
        "main.js": "import { one as first } from './b.js';\nimport * as c from './c.js';\n"
        "console.log(first + c.three, new c.Three().say());\n",
        "b.js": "import { three } from './c.js';\nexport const one = three + 1;\n",
        "c.js": "export class Three {\n  say() {\n    return /['\"`]\\//.test(`'/`) ? 'yes' : 'no';\n  }\n}\nexport const three = 3;\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "made.mjs").write_text(minified("text/javascript", one_bundle(files, "main.js")))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    said = [subprocess.check_output([NODE or "", tmp_path / name], text=True) for name in ("main.js", "made.mjs")]
    assert said == ["7 yes\n", "7 yes\n"]


@pytest.mark.parametrize(
    "files",
    [
        {"a.js": "import { b } from './b.js';\n", "b.js": "import { a } from './a.js';\n"},
        {"a.js": "export default 1;\n"},
        {"a.js": "export { b } from './b.js';\n", "b.js": ""},
    ],
)
def test_what_cannot_be_one_file_is_refused(files: dict[str, str]) -> None:
    with pytest.raises(NoBundle):
        one_bundle(files, "a.js")


def test_every_bundle_is_served_and_parses() -> None:
    for name in BUNDLES:
        asset, forever = assets().find(assets().url(name).removeprefix("/static/")) or pytest.fail(name)
        assert forever
        made = bundle_of(name, lambda path: (Path("app/static") / path).read_text())
        assert asset.content.decode() == made
        if NODE and name.endswith(".js"):
            subprocess.run([NODE, "--check", "--input-type=module"], input=made, text=True, check=True)


def _links(html: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r'(?:href|src)="(/static/[^"#]+)', html)))


async def test_the_first_visit_of_a_builder_is_small(
    browser: BrowserClients, client: httpx.AsyncClient, workflow: Workflow
) -> None:
    """Requests and bytes, compressed as they are sent. The page itself grows with the types that are installed."""
    person = await browser(Role.MARKETER)
    async with person.stream("GET", f"/workflows/{workflow.id}", headers={"Accept-Encoding": "br"}) as answer:
        page = b"".join([part async for part in answer.aiter_raw()])
    html = brotli.decompress(page).decode()
    shared = [f"{assets().url(name)}" for name in ("session.js", "live.js", "texts.js")]
    wanted = list(dict.fromkeys([*_links(html), *shared]))
    assert len(wanted) + 1 <= 12, wanted
    sizes = {}
    for url in wanted:
        answer = await client.get(url, headers={"Accept-Encoding": "br"})
        assert answer.status_code == 200, url
        sizes[url.rpartition("/")[2]] = int(answer.headers["content-length"])
    assert sizes["flow-canvas.bundle.js"] <= CANVAS_BYTES
    assert sizes["shared.bundle.css"] + sizes["builder.bundle.css"] <= STYLE_BYTES
    own = [size for name, size in sizes.items() if name.endswith(".js") and name != "htmx.min.js"]
    assert sum(own) <= SCRIPT_BYTES, sizes
    assert sum(sizes.values()) + len(page) <= VISIT_BYTES, sizes


async def test_who_looks_for_a_fault_gets_the_modules_as_they_are_written(
    browser: BrowserClients, workflow: Workflow
) -> None:
    person = await browser(Role.MARKETER)
    html = (await person.get(f"/workflows/{workflow.id}?debug=1")).text
    assert assets().url("canvas/flow-canvas.js") in html and "flow-canvas.bundle.js" not in html
