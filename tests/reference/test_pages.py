"""`/docs/api` is there for everybody, brings its own reader and no script of its own inside the page."""

from __future__ import annotations

import re

import httpx


async def test_the_reader_is_vendored(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs/api")
    assert answer.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert "/static/vendor/swagger-ui-5.35.0/swagger-ui-bundle.js" in sources
    assert not [source for source in sources if not source.startswith("/")]
    assert "<script>" not in answer.text


async def test_every_asset_of_the_page_exists(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/api")
    for source in re.findall(r'(?:src|href)="(/static/[^"#]+)"', page.text):
        assert (await client.get(source)).status_code == 200, source


async def test_the_document_lists_only_the_api(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/openapi/openapi.json")).json()
    assert document["paths"]
    assert all(path.startswith("/api/v1/") for path in document["paths"])


async def test_the_short_address_leads_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.headers["location"] == "/docs/api"
