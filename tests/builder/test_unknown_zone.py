"""A time zone of a draft that is none here stays chosen in the form: saving another field of it must not replace it."""

from __future__ import annotations

import pytest

from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import created, tagging


async def panel_of(zone: str, api: ApiClients, browser: BrowserClients) -> str:
    data = {"at": "2031-03-01T09:00", "zone": zone}
    nodes = [{"id": "wait", "type": "wait_until", "data": data}]
    body = tagging(nodes=nodes, edges=[{"source": "trigger", "target": "wait"}])
    flow = await created(await api(Role.ADMIN), body)
    return (await (await browser(Role.MARKETER)).get(f"/workflows/{flow['id']}/nodes/wait/panel")).text


@pytest.mark.parametrize("zone", ["Europe/Kyiw", "W. Europe Standard Time"])
async def test_a_zone_that_is_unknown_stays_chosen(zone: str, api: ApiClients, browser: BrowserClients) -> None:
    panel = await panel_of(zone, api, browser)
    assert f'<option value="{zone}" selected>{zone} · not known here</option>' in panel


@pytest.mark.parametrize("zone", ["Europe/Berlin", "contact", "US/Eastern"])
async def test_a_zone_that_is_known_is_offered_once(zone: str, api: ApiClients, browser: BrowserClients) -> None:
    panel = await panel_of(zone, api, browser)
    assert panel.count(f'<option value="{zone}" selected') == 1 and "not known here" not in panel
