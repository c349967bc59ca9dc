"""The panel of a workflow: its rules of entry as fields, and in words while somebody sets them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.builder.entry_pages import moments, settings_of
from app.flow.entry_words import length_in_words, limit_sentences, waiting_sentence
from app.flow.settings import FlowSettings
from app.lib import clock
from app.lib.ids import uuid7
from app.models import Contact, Event, Segment, SegmentDay, Workspace
from app.models.status import Role
from tests.fixtures.people import ApiClients, BrowserClients
from tests.workflows.examples import PATH, created, op, patch_draft, tagging

FORM = {
    "settings.reentry": "cooldown",
    "settings.cooldownSeconds": "86400",
    "settings.cooldownFrom": "end",
    "settings.entryKey": "{{ event.order }}",
    "settings.rateLimitPerMinute": "100",
    "settings.rateLimitMaxConcurrent": "50",
    "settings.maxEntries": "1000",
    "settings.activeFrom": "2026-11-30",
    "activeFromTime": "09:00",
    "settings.activeUntil": "2026-12-24",
    "settings.timezone": "Europe/Berlin",
}


def test_the_form_says_what_the_document_says() -> None:
    assert settings_of(FORM) == FlowSettings(
        reentry="cooldown",
        cooldown_seconds=86_400,
        cooldown_from="end",
        entry_key="{{ event.order }}",
        rate_limit_per_minute=100,
        rate_limit_max_concurrent=50,
        max_entries=1_000,
        active_from="2026-11-30T09:00",
        active_until="2026-12-24",
        timezone="Europe/Berlin",
    )
    odd = {
        "settings.reentry": "never",
        "settings.maxEntries": "-3",
        "settings.rateLimitPerMinute": "0",
        "settings.other": "1",
    }
    assert settings_of(odd) == FlowSettings()


def test_rules_are_sentences() -> None:
    assert limit_sentences(settings_of(FORM), "UTC") == [
        "Nobody enters before 30 November 2026, 09:00 CET.",
        "Nobody enters from 25 December 2026, 00:00 CET on; whoever is active continues.",
        "At most 100 enter in a minute, one each 0.6 seconds; others wait in line.",
        "At most 50 are inside at the same time; others wait in line until somebody leaves.",
        "It takes 1,000 entries in all.",
    ]
    assert limit_sentences(FlowSettings(), "UTC") == []


@pytest.mark.parametrize(
    ("people", "settings", "words"),
    [
        (41_600, {"rate_limit_per_minute": 100}, "41,600 matching contacts take about 7 hours."),
        (1, {"rate_limit_per_minute": 1}, "1 matching contact takes about 1 minute."),
        (41_600, {"rate_limit_per_minute": 100, "max_entries": 200}, "200 matching contacts take about 2 minutes."),
        (None, {"rate_limit_per_minute": 100}, "If 10,000 come at once, the last of them enters after about 2 hours."),
        (0, {"rate_limit_per_minute": 100}, ""),
        (41_600, {}, ""),
    ],
)
def test_how_long_those_take_who_come_at_once(people: int | None, settings: dict[str, Any], words: str) -> None:
    assert waiting_sentence(people, FlowSettings(**settings)) == words


def test_lengths_are_about() -> None:
    seconds = (1, 59, 100, 3_500, 90_000, 200_000, 10**8)
    assert [length_in_words(one) for one in seconds] == [
        "less than a minute", "about 1 minute", "about 2 minutes", "about 1 hour", "about 25 hours", "about 2 days", "about 1,157 days",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-11-30", {"date": "2026-11-30", "time": ""}),
        ("2026-11-30T09:00", {"date": "2026-11-30", "time": "09:00"}),
        ("2026-11-30T09:00:00Z", {"date": "2026-11-30", "time": "10:00"}),
        ("2026-11-30T09:00:30Z", {"date": "2026-11-30", "time": "10:00:30"}),
        ("2026-11-30T09:00:30.250000", {"date": "2026-11-30", "time": "09:00:30.250000"}),
        ("", {"date": "", "time": ""}),
    ],
)
def test_dates_are_shown_as_clocks_of_their_zone_show_them(stored: str, shown: dict[str, str]) -> None:
    settings = FlowSettings(active_from=stored, timezone="Europe/Berlin")
    assert moments(settings, "Asia/Tokyo") == {"activeFrom": shown, "activeUntil": {"date": "", "time": ""}}


async def test_the_panel_shows_them_and_says_them(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    settings = {
        "reentry": "cooldown", "cooldownSeconds": 60, "cooldownFrom": "end", "entryKey": "event.order", "rateLimitPerMinute": 100,
        "activeFrom": "2026-11-30T09:00", "timezone": "Europe/Berlin",
    }  # fmt: skip
    program = await api(Role.ADMIN)
    flow = await created(program, tagging(settings=settings))
    client = await browser(Role.MARKETER)
    panel = (await client.get(f"/workflows/{flow['id']}/panel")).text
    for field in ('value="100"', 'value="2026-11-30"', 'value="09:00"', 'value="event.order"', "/entry-rules"):
        assert field in panel, field
    ada = Contact(tenant_id=workspace.id, email="ada@example.com")
    db_session.add(ada)
    await db_session.flush()
    event = {"id": uuid7(), "tenant_id": workspace.id, "contact_id": ada.id, "occurred_at": clock.now()}
    db_session.add(Event(**event, name="signed_up", properties={"order": 17}))
    await db_session.flush()
    words = (await client.post(f"/workflows/{flow['id']}/entry-rules", data=FORM)).text
    assert "A contact may enter again" in words and "after the last run ended" in words
    assert "At most 100 enter in a minute" in words and "If 1,000 come at once" in words
    broken = (await client.post(f"/workflows/{flow['id']}/entry-rules", data={"settings.entryKey": "{{ event."})).text
    assert "bad-text" in broken


async def test_the_panel_of_a_version_shows_that_version(api: ApiClients, browser: BrowserClients) -> None:
    program = await api(Role.ADMIN)
    flow = await created(program, tagging(settings={"maxEntries": 77}))
    assert (await program.post(f"{PATH}/{flow['id']}/versions", json={})).status_code in (200, 201)
    changed = await patch_draft(program, flow["id"], flow["draftRev"], op("set_settings", settings={"maxEntries": 88}))
    assert changed.status_code == 200, changed.text
    client = await browser(Role.MARKETER)
    assert 'value="88"' in (await client.get(f"/workflows/{flow['id']}/panel")).text
    old = (await client.get(f"/workflows/{flow['id']}/panel?version=1")).text
    assert 'value="77"' in old and "version 1" in old
    assert (await client.get(f"/workflows/{flow['id']}/panel?version=9")).status_code == 404


async def test_who_is_in_a_segment_is_counted(
    api: ApiClients, browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    segment = Segment(id=uuid7(), tenant_id=workspace.id, number=7, name="VIPs", kind="static")
    db_session.add(segment)
    db_session.add(
        SegmentDay(tenant_id=workspace.id, segment=7, day=clock.now().date(), shard=0, entered=41_600, departed=0)
    )
    await db_session.flush()
    trigger = {"type": "segment_entry", "data": {"segmentId": str(segment.id), "existing": "enter"}}
    flow = await created(await api(Role.ADMIN), tagging(trigger=trigger))
    client = await browser(Role.MARKETER)
    words = (
        await client.post(f"/workflows/{flow['id']}/entry-rules", data={"settings.rateLimitPerMinute": "100"})
    ).text
    assert "41,600 matching contacts take about 7 hours." in words
