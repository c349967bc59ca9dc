"""What every answer says about itself: who may keep it, frame it, load it, and over what it comes."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from app.models.status import Role
from app.settings import settings
from app.web import csrf, headers
from tests.fixtures.people import BrowserClients


@pytest.mark.parametrize(
    "url", ["/sign-in", "/nothing/here", "/api/v1/me", "/api/v1/nothing", "/health/live", "/u/x.y"]
)
async def test_refusals_and_open_pages_carry_them_too(client: httpx.AsyncClient, url: str) -> None:
    found = (await client.get(url)).headers
    assert "no-store" in found["cache-control"]
    assert found["cross-origin-resource-policy"] == found["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in found["permissions-policy"] and "microphone=()" in found["permissions-policy"]
    assert "strict-transport-security" not in found, "plain http: the browser would lock itself out"


async def test_our_own_files_stay_cacheable(client: httpx.AsyncClient) -> None:
    answer = await client.get("/static/favicon.svg")
    assert answer.status_code == 200 and "no-store" not in answer.headers["cache-control"]


@pytest.fixture
def over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = dataclasses.replace(settings(), web=dataclasses.replace(settings().web, secure_cookies=True))
    for module in (headers, csrf):
        monkeypatch.setattr(module, "settings", lambda: changed)


async def test_over_https_the_browser_stays_there(client: httpx.AsyncClient, over_https: None) -> None:
    for url in ("/sign-in", "/api/v1/me", "/static/favicon.svg"):
        answer = await client.get(url)
        assert int(answer.headers["strict-transport-security"].removeprefix("max-age=")) >= 365 * 24 * 3600
    cookie = (await client.get("/sign-in")).headers["set-cookie"]
    assert cookie.startswith("__Host-csrf=")
    assert {"secure", "path=/", "httponly"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()


async def test_a_proof_planted_by_a_neighbour_counts_for_nothing(client: httpx.AsyncClient, over_https: None) -> None:
    """A neighbour subdomain may set `csrf` for the whole domain, but no cookie with the prefix."""
    proof = (await client.get("/sign-in")).headers["set-cookie"].split("=", 1)[1].split(";")[0]
    form = {csrf.FIELD: proof, "email": "ada@example.com", "password": "x"}
    planted = await client.post("/sign-in", data=form, headers={"Cookie": f"csrf={proof}"})
    assert planted.status_code == 403
    ours = await client.post("/sign-in", data=form, headers={"Cookie": f"__Host-csrf={proof}"})
    assert ours.status_code != 403


@pytest.mark.parametrize(
    "path",
    ["%00", "a%00.js", "canvas%00/scene.js", "%01", "%0a", "%ff%fe", "%2e%2e/%2e%2e/etc/passwd", "x" * 5000, "canvas", "canvas/",
     "%F0%9F%98%80.js", "con", "vendor/..%2f..%2fsettings.py", "vendor//", "."],
)  # fmt: skip
async def test_no_address_of_a_file_crashes(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert (await client.request(method, f"/static/{path}")).status_code in (400, 404)


@pytest.mark.parametrize(
    "path", ["/%00", "/contacts/%00", "/u/%00", "/sign-in/link/%00%ff", "/docs/%00", "/workflows/%0d%0a", "/api/v1/%00"]
)
async def test_no_address_of_a_page_crashes(client: httpx.AsyncClient, browser: BrowserClients, path: str) -> None:
    person = await browser(Role.OWNER)
    for who in (client, person):
        assert (await who.get(path)).status_code < 500
