"""The suppression list beside a channel of a plugin: each entry is of one channel, on the page as in the API."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.messaging.channels import registry
from app.models.status import Role
from tests.messaging.pager import installed


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[Any]:
    with installed(tmp_path) as module:
        yield module


async def test_the_page_of_the_suppression_list_knows_its_channel(pager: Any, browser: Any) -> None:
    client, number = await browser(Role.ADMIN), "+4930555072"
    alone = (await client.get("/suppressions")).text
    assert 'name="channel"' in alone and "Pager" in alone
    added = await client.post("/suppressions", data={"addresses": number, "reason": "manual", "channel": "pager"})
    assert added.status_code == 303
    assert (await client.post("/suppressions", data={"addresses": number, "reason": "manual"})).status_code == 422
    listed = (await client.get("/suppressions?channel=pager")).text
    assert f"{number}</" in listed and "Pager · No contact has this address" in html.unescape(listed)
    fill = json.loads(html.unescape(re.search(r'data-fill="([^"]*)"', listed)[1]))  # type: ignore[index]
    assert fill == {"lift-address": number, "lift-channel": "pager"}
    assert f"{number}</" not in (await client.get("/suppressions?channel=email")).text
    lift = {"address": number, "reason": "They asked us to"}
    assert (await client.post("/suppressions/lift", data=lift)).status_code == 404, "the email list has no such address"
    assert (await client.post("/suppressions/lift", data={**lift, "channel": "pager"})).status_code == 303
    assert f"{number}</" in (await client.get("/suppressions?channel=pager&show=lifted")).text
    registry.remove(pager.PagerChannel)
    left = (await client.get("/suppressions?show=lifted")).text
    registry.channel(pager.PagerChannel)
    assert f"{number}</" in left and "Not installed" in left, "its entries stay"
