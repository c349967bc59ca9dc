"""`/docs/api` is there for everybody: pages made from the OpenAPI document, each address of which can be linked to."""

from __future__ import annotations

import asyncio
import html
import re
import threading
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from markupsafe import Markup

from app.reference import document, pages


async def test_nothing_comes_from_elsewhere_and_every_asset_exists(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/api")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert not [source for source in sources if not source.startswith("/")]
    assert "<script>" not in page.text
    for source in {source for source in sources if source.startswith("/static/")}:
        assert (await client.get(source)).status_code == 200, source


async def document_of(client: httpx.AsyncClient) -> dict[str, Any]:
    return (await client.get("/docs/openapi/openapi.json")).json()  # type: ignore[no-any-return]


async def test_every_operation_stands_on_the_page_of_its_resource(client: httpx.AsyncClient) -> None:
    document = await document_of(client)
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    overview = (await client.get("/docs/api")).text
    anchors = re.findall(r'href="/docs/api/([a-z-]+)#([a-z0-9-]+)"', overview)
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert len(anchors) == len(operations) == len(set(anchors))
    pages = {slug: (await client.get(f"/docs/api/{slug}")).text for slug, _ in anchors}
    for slug, anchor in anchors:
        assert f'id="{anchor}"' in pages[slug], anchor
    words = html.unescape("".join(pages.values()))
    for one in operations:
        assert one["summary"] in words
    for path, methods in document["paths"].items():
        for one in methods.values():
            for row in one.get("parameters", ()):
                assert f'<code class="mono b">{row["name"]}</code>' in words, (path, row["name"])


async def test_every_link_to_a_schema_leads_to_its_fields(client: httpx.AsyncClient) -> None:
    document = await document_of(client)
    page = (await client.get("/docs/api/workflows")).text
    names = set(re.findall(r'href="/docs/api/schemas/([^"]+)"', page))
    assert names and names <= document["components"]["schemas"].keys()
    for name in sorted(names)[:12]:
        shown = await client.get(f"/docs/api/schemas/{name}")
        assert shown.status_code == 200
        for field in document["components"]["schemas"][name].get("properties", {}):
            assert f'<code class="mono b">{field}</code>' in shown.text, (name, field)


async def test_a_union_leads_to_each_of_its_kinds(client: httpx.AsyncClient) -> None:
    node = (await document_of(client))["components"]["schemas"]["Node"]
    page = (await client.get("/docs/api/schemas/Node")).text
    assert len(node["discriminator"]["mapping"]) > 20
    for value, ref in node["discriminator"]["mapping"].items():
        assert f'href="/docs/api/schemas/{ref.rsplit("/", 1)[1]}">{value}</a>' in page


async def test_what_a_page_shows_is_rendered_once_and_beside_other_requests(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await document_of(client)
    threads = list[str]()
    markdown = document.markdown

    def watched(text: str) -> Markup:
        threads.append(threading.current_thread().name)
        return markdown(text)

    monkeypatch.setattr(document, "markdown", watched)
    monkeypatch.setattr(pages.openapi, "document", lambda _: msgspec.json.encode(source))
    reference = await asyncio.to_thread(pages._read, Litestar())
    assert threads and reference.introduction and threading.main_thread().name not in threads
    before = len(threads)
    assert reference.resources and reference.search("pause", 5) and len(threads) == before
    row = reference.schema_row("Node")
    once = len(threads)
    assert once > before and reference.schema_row("Node") is row and len(threads) == once


@pytest.mark.parametrize("address", ["/docs/api/nothing", "/docs/api/schemas/Nothing"])
async def test_what_is_not_there_is_a_page_that_says_so(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "The API has no such" in answer.text


async def test_the_search_finds_by_words_of_summary_and_address(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs/api", params={"q": "pause workflow"})).text
    assert "/api/v1/workflows/{workflow_id}/pause" in page and "/api/v1/suppressions" not in page
    assert "No operation fits" in (await client.get("/docs/api", params={"q": "zeppelin"})).text
    marked = (await client.get("/docs/api", params={"q": "<b>" + "x" * 500})).text
    assert "<b>x" not in marked and "x" * 101 not in marked


async def test_the_frame_is_in_the_language_of_the_reader(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs/api/contacts", headers={"accept-language": "de"})).text
    assert '<html lang="de"' in page and "API-Referenz" in page
    assert 'lang="en">List contacts' in page


async def test_the_short_address_leads_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.headers["location"] == "/docs/api"
