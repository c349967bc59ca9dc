"""Answers leave small: pages and JSON, not what is small or compressed already; and a repeated request gets the same bytes."""

from __future__ import annotations

import brotli
import httpx
import pytest
from litestar import Litestar, Response, get
from litestar.params import FromPath
from litestar.response import Stream
from litestar.testing import AsyncTestClient

from app.web.compression import SMALLEST, ResponseCompression


@get("/{kind:str}/{size:int}")
async def answer(kind: FromPath[str], size: FromPath[int]) -> Response[bytes]:
    types = {"html": "text/html; charset=utf-8", "problem": "application/problem+json", "png": "image/png"}
    headers = {"Content-Encoding": "gzip"} if kind == "zipped" else {}
    return Response(b"ab" * (size // 2), media_type=types.get(kind, "text/plain"), headers=headers)


@get("/stream")
async def stream() -> Stream:
    async def parts() -> object:
        for number in range(200):
            yield f"row {number}, and more of it\n"

    return Stream(parts, media_type="text/csv")  # type: ignore[arg-type]


@get("/events")
async def events() -> Response[bytes]:
    return Response(b"data: x\n\n" * 500, media_type="text/event-stream")


@pytest.fixture
async def web() -> object:
    async with AsyncTestClient(Litestar([answer, stream, events], middleware=[ResponseCompression])) as client:
        yield client


async def _raw(web: AsyncTestClient[Litestar], path: str, accepted: str = "gzip, br") -> tuple[httpx.Response, bytes]:
    async with web.stream("GET", path, headers={"Accept-Encoding": accepted}) as found:
        return found, b"".join([chunk async for chunk in found.aiter_raw()])


@pytest.mark.parametrize("kind", ["html", "problem", "text"])
async def test_text_is_compressed_from_a_packet_on(web: AsyncTestClient[Litestar], kind: str) -> None:
    found, sent = await _raw(web, f"/{kind}/{SMALLEST}")
    assert found.headers["content-encoding"] == "br" and "Accept-Encoding" in found.headers["vary"]
    assert brotli.decompress(sent) == b"ab" * (SMALLEST // 2) and int(found.headers["content-length"]) == len(sent)
    small, sent = await _raw(web, f"/{kind}/{SMALLEST - 2}")
    assert "content-encoding" not in small.headers and len(sent) == SMALLEST - 2


@pytest.mark.parametrize("path", ["/png/5000", "/events"])
async def test_what_gains_nothing_is_left_alone(web: AsyncTestClient[Litestar], path: str) -> None:
    found, _ = await _raw(web, path)
    assert "content-encoding" not in found.headers


async def test_nothing_is_compressed_twice(web: AsyncTestClient[Litestar]) -> None:
    found, sent = await _raw(web, "/zipped/5000")
    assert found.headers["content-encoding"] == "gzip" and len(sent) == 5000


async def test_what_is_sent_in_parts_arrives_whole(web: AsyncTestClient[Litestar]) -> None:
    found, sent = await _raw(web, "/stream")
    assert found.headers["content-encoding"] == "br" and "content-length" not in found.headers
    assert brotli.decompress(sent).decode().splitlines()[199] == "row 199, and more of it"


@pytest.mark.parametrize("accepted", ["", "identity", "br;q=0", "deflate"])
async def test_who_does_not_ask_gets_plain_text(web: AsyncTestClient[Litestar], accepted: str) -> None:
    found, sent = await _raw(web, "/html/4000", accepted)
    assert "content-encoding" not in found.headers and len(sent) == 4000
