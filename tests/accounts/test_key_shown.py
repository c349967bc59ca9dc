"""The page that shows a new key: what to send with it is what the README sends, when the key may."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from app.models.status import Role
from app.settings import settings
from tests.fixtures.people import BrowserClients

README = (Path(__file__).parents[2] / "README.md").read_text()


def commands(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'<pre class="mono to-copy"[^>]*>(.*?)</pre>', page, re.DOTALL)]


def words(command: str) -> list[str]:
    return re.sub(r"\\\n", " ", command).split()


@pytest.mark.parametrize(
    ("choices", "sends"),
    [
        ({"access": "full", "role": "marketer"}, True),
        ({"access": "ingest"}, True),
        ({"access": "full", "role": "viewer"}, False),
        ({"access": "custom", "role": "admin", "scopes": "contacts:read"}, False),
    ],
)
async def test_a_new_key_is_tried_as_the_readme_does(
    browser: BrowserClients, choices: dict[str, str], *, sends: bool
) -> None:
    person = await browser(Role.ADMIN)
    answer = await person.post("/settings/keys", data={"name": "Shop", "days": "30", **choices})
    assert answer.status_code == 200
    *event, me = commands(answer.text)
    (first,) = re.findall(r"curl \S+/api/v1/events.*?}'\n", README, re.DOTALL)
    expected = words(first.replace("http://127.0.0.1:8000", settings().web.base_url))
    assert [words(command) for command in event] == ([expected] if sends else [])
    assert words(me) == ["curl", f"{settings().web.base_url}/api/v1/me", "-H", '"Authorization:', "Bearer", '$KEY"']
