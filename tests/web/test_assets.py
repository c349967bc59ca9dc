"""Assets: addresses that change with the content, small on the wire, whole at the other end, and nothing from outside the folder."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import brotli
import httpx
import pytest

from app.web import assets as module
from app.web.assets import ASK_AGAIN, FOREVER, Assets, assets, best_encoding
from app.web.bundles import BUNDLES

TEMPLATES = [*Path("app/templates").rglob("*.html"), *Path("frontend-nodes").rglob("*.html")]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_LOOK_S", 0.0)
    for name, text in {
        "page.css": "body { color: red }",
        "canvas/main.js": "import { a } from './a.js'\nimport './side.js'\nexport * from '../shared.js'",
        "canvas/a.js": "const b = () => import('./later.js')\nimport {c} from './main.js'",
        "canvas/side.js": "// import './comment.js' is not one\n",
        "canvas/later.js": "",
        "shared.js": "export const x = 1",
        "vendor/lib-1.0/lib.js": "lib",
        ".hidden": "secret",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_change_gives_all_our_files_a_new_address_and_vendored_ones_keep_theirs(tree: Path) -> None:
    found = Assets(tree)
    before, vendored = found.url("page.css"), found.url("vendor/lib-1.0/lib.js")
    assert re.fullmatch(r"/static/[0-9a-f]{12}/page.css", before) and vendored == "/static/vendor/lib-1.0/lib.js"
    (tree / "shared.js").write_text("export const x = 22")
    after = found.url("page.css")
    assert after != before and found.url("vendor/lib-1.0/lib.js") == vendored
    _, forever = found.find(after.removeprefix("/static/")) or pytest.fail("the new address")
    assert forever
    asset, forever = found.find(before.removeprefix("/static/")) or pytest.fail("the old address")
    assert asset.content == b"body { color: red }" and not forever, "an open page still finds it; nobody keeps it"


def test_all_modules_of_a_page_are_named_once_and_those_loaded_later_are_not(tree: Path) -> None:
    names = [url.split("/", 3)[3] for url in Assets(tree).imports("canvas/main.js")]
    assert sorted(names) == ["canvas/a.js", "canvas/main.js", "canvas/side.js", "shared.js"]


@pytest.mark.parametrize("path", [".hidden", "../pyproject.toml", "canvas/../page.css", "canvas", "", "\x00", "0" * 12])
def test_nothing_else_is_found(tree: Path, path: str) -> None:
    found = Assets(tree)
    assert found.find(path) is None and found.find(f"{found.version}/{path}") is None
    with pytest.raises(KeyError):
        found.url(path)


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("*;q=0", ""),
        ("identity", ""),
        ("", ""),
        ("brr, gzipped", ""),
        ("BR", "br"),
        ("br;q=x, gzip;q=", "gzip"),
    ],
)
def test_the_browser_chooses(accepted: str, best: str) -> None:
    assert best_encoding(accepted) == best


def test_every_address_in_templates_comes_from_here_and_exists() -> None:
    for template in TEMPLATES:
        text = template.read_text()
        assert not re.search(r'"/static/(?!vendor/)', text), (
            f"{template}: write asset('…'), or browsers keep an old file"
        )
        for name in re.findall(r"\basset\('([^']+)'\)", text):
            assets().url(name)
        for name in re.findall(r'"/static/(vendor/[^"#{]+)', text):
            assets().url(name)


def test_every_address_in_styles_and_scripts_is_one_that_stays() -> None:
    for path in [
        *Path("app/static").glob("*.css"),
        *Path("app/static").glob("*.js"),
        *Path("app/static/canvas").glob("*.js"),
    ]:
        of_style = r"""url\(["']?([^"')#]+)|""" if path.suffix == ".css" else "()"
        for address in re.findall(of_style + r"""["'](/static/[^"'#]+)""", path.read_text()):
            name = "".join(address)
            if not name.startswith(("data:", "./")):
                assert name.startswith("/static/vendor/"), f"{path}: {name}"
                assets().url(name.removeprefix("/static/"))


def test_every_module_of_the_builder_is_asked_for_at_once_or_loaded_when_it_is_used() -> None:
    entries = [entry for name, entries in BUNDLES.items() if name.startswith("canvas/") for entry in entries]
    asked = {url.rpartition("/")[2] for entry in entries for url in assets().imports(entry)}
    ours = {path.name for path in Path("app/static/canvas").glob("*.js")} - {
        "layout-worker.js",
        "crossings.js",
        "far-map-worker.js",
    }
    assert asked == ours | {"session.js", "live.js", "texts.js", "code-look.js", "held-keys.js", "style-sheet.js"}


async def test_files_arrive_small_and_whole(client: httpx.AsyncClient) -> None:
    raw = Path("app/static/canvas/scene.js").read_bytes()
    url = assets().url("canvas/scene.js")
    async with client.stream("GET", url, headers={"Accept-Encoding": "br, gzip"}) as answer:
        sent = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "br" and "Accept-Encoding" in answer.headers["vary"]
    assert answer.headers["cache-control"] == FOREVER
    assert int(answer.headers["content-length"]) == len(sent) < len(raw) / 2.5
    assert brotli.decompress(sent) == raw
    async with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as zipped:
        assert gzip.decompress(b"".join([chunk async for chunk in zipped.aiter_raw()])) == raw
    assert zipped.headers["etag"] != answer.headers["etag"], "a cache must not answer one for the other"
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    assert plain.content == raw and "content-encoding" not in plain.headers


async def test_unchanged_files_are_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/static/app.css")
    assert first.headers["cache-control"] == ASK_AGAIN
    again = await client.get("/static/app.css", headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    other = await client.get("/static/app.css", headers={"If-None-Match": '"x"'})
    assert other.status_code == 200
    head = await client.head("/static/app.css")
    assert head.status_code == 200 and head.content == b""


@pytest.mark.parametrize(
    "path", ["/static/%00", "/static/../app/asgi.py", "/static/%2e%2e/asgi.py", "/static/", "/static"]
)
async def test_what_is_not_there_is_said_so(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_files_are_only_read(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, "/static/app.css")).status_code in (403, 405)
