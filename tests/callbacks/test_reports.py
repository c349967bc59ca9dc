"""Reports of providers: stored once, matched to their message, events of the contact, and the end of an address or of a doubt."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.callbacks import receiving, report_repository
from app.callbacks.receiving import CallbacksBusy, NoSuchCallback
from app.connectors.callback_address import callback_url
from app.errors import BadRequest
from tests.callbacks.conftest import Reporting, call
from tests.messaging.ended import exact
from tests.messaging.world import World


def entry(record: str, reference: str, provider_id: str = "", **more: Any) -> dict[str, Any]:
    """As Postmark documents its webhooks."""
    times = {"Delivery": "DeliveredAt", "Open": "ReceivedAt", "Click": "ReceivedAt", "Bounce": "BouncedAt", "SpamComplaint": "BouncedAt",
             "SubscriptionChange": "ChangedAt"}  # fmt: skip
    return {
        "RecordType": record, "ServerID": 23, "MessageStream": "outbound", "MessageID": provider_id or "883953f4-6105-42a2-a16a",
        "Recipient": "zoe@example.com", "Tag": "", "Metadata": {"throughline": reference} if reference else {},
        times[record]: "2026-02-01T10:53:34.9070259Z", **more,
    }  # fmt: skip


def test_a_mail_that_arrives_is_opened_and_clicked(reporting: Reporting, world: World) -> None:
    run_id = reporting.sent()
    reference = f"{run_id}-2"
    for one in (
        entry("Delivery", reference, Details="250 2.0.0 OK"),
        entry("Open", reference, ReceivedAt="2026-02-01T11:00:00Z", FirstOpen=True),
        entry("Click", reference, ReceivedAt="2026-02-01T11:01:00Z", OriginalLink="https://shop.example/spring?a=1"),
    ):
        assert reporting.call(one) == ""
        reporting.call(one)  # each is told twice
    assert reporting.reports(run_id) == ["delivered", "opened", "clicked"]
    events = reporting.events()
    assert [name for name, _ in events] == ["message.delivered", "message.opened", "message.clicked"]
    assert events[2][1] == {
        "messageId": reference, "channel": "email", "runId": str(run_id), "workflowId": str(world.workflow_id), "nodeId": "mail",
        "templateId": str(world.template_id), "url": "https://shop.example/spring?a=1",
    }  # fmt: skip
    row = world.db.execute(
        "select occurred_at, received_at > occurred_at, contact_id from events where name = 'message.clicked'"
    ).fetchone()
    assert row is not None and row[0].isoformat() == "2026-02-01T11:01:00+00:00" and row[1], (
        "the provider's time, not ours"
    )
    assert world.value("select count(*) from inbox where name like 'message.%%'") == 3, "flows hear of them"
    assert world.row(run_id)["word"] == "sent" and reporting.listed() == []
    assert world.row(run_id)["provider_id"] == reporting.provider.ids[0]
    exact(world)


def test_who_has_no_mailbox_or_complains_is_not_written_to_again(reporting: Reporting, world: World) -> None:
    hard, soft, spam = (
        reporting.sent("hard@example.com"),
        reporting.sent("soft@example.com"),
        reporting.sent("spam@example.com"),
    )
    reporting.call(entry("Bounce", f"{hard}-2", Type="HardBounce", Inactive=True, ID=1, Description="The server was unable to deliver.",
                         Details="smtp;550 5.1.1 unknown user"))  # fmt: skip
    reporting.call(
        entry("Bounce", f"{soft}-2", Type="Transient", Inactive=False, ID=2, Details="smtp;452 mailbox full")
    )
    reporting.call(entry("SpamComplaint", f"{spam}-2", ID=3))
    assert reporting.listed() == [("hard@example.com", "bounced"), ("spam@example.com", "complained")]
    assert world.value("select detail from suppressions where reason = 'bounced'") == (
        "The server was unable to deliver. smtp;550 5.1.1 unknown user"
    )
    told = {(name, properties.get("lasting")) for name, properties in reporting.events()}
    assert told == {
        ("message.bounced", True), ("message.bounced", False), ("message.complained", None), ("contact.unsubscribed", None),
    }  # fmt: skip


def test_who_unsubscribes_at_the_provider_unsubscribes_here(reporting: Reporting, world: World) -> None:
    run_id = reporting.sent()
    change = {"SuppressSending": True, "SuppressionReason": "ManualSuppression", "Origin": "Recipient"}
    reporting.call(entry("SubscriptionChange", f"{run_id}-2", **change))
    assert reporting.listed() == [("zoe@example.com", "unsubscribed")]
    assert world.value("select consent from contacts where email = 'zoe@example.com'") == {"email": False}
    assert [name for name, _ in reporting.events()] == ["contact.unsubscribed"]
    bounced = {**change, "SuppressionReason": "HardBounce"}
    reporting.call(entry("SubscriptionChange", f"{run_id}-2", ChangedAt="2026-02-03T10:00:00Z", **bounced))
    assert reporting.reports(run_id) == ["unsubscribed"], "a bounce says so itself"


def test_a_report_ends_the_doubt_whether_a_mail_left(reporting: Reporting, world: World) -> None:
    run_id = world.message(world.contact())
    reporting.provider.script += ["cut"]
    world.deliver()
    assert world.row(run_id)["word"] == "uncertain"
    reporting.call(entry("Delivery", f"{run_id}-2"))
    assert world.row(run_id)["word"] == "sent"
    assert world.value("select by_name from message_decisions") == "Postmark’s report"
    exact(world)


def test_a_report_that_comes_before_its_message_is_recorded_finds_it(reporting: Reporting, world: World) -> None:
    run_id = world.message(world.contact())
    reporting.call(entry("Delivery", "", "b7bc2f4a-e38e-4336-af7d-000000000001"))
    assert world.value("select count(*) from unmatched_reports") == 1 and reporting.reports(run_id) == []
    reporting.minute()
    assert world.value("select count(*) from unmatched_reports") == 1
    world.deliver()
    reporting.minute()
    reporting.minute()
    assert reporting.reports(run_id) == ["delivered"] and world.value("select count(*) from unmatched_reports") == 0
    assert [name for name, _ in reporting.events()] == ["message.delivered"]


def test_reports_of_nobody_s_messages_go_after_a_while(
    reporting: Reporting, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_repository, "_KEEP", report_repository._KEEP.replace("10000", "3"))
    for number in range(5):
        reporting.call(entry("Delivery", "", f"of-somebody-else-{number}"))
    assert world.value("select count(*) from unmatched_reports") == 3, "bounded"
    world.db.execute("update unmatched_reports set received_at = clock_now() - interval '3 hours'")
    reporting.minute()
    assert world.value("select count(*) from unmatched_reports") == 0


def test_a_bad_entry_does_not_lose_the_others(reporting: Reporting) -> None:
    run_id = reporting.sent()
    good = entry("Delivery", f"{run_id}-2")
    bad: list[Any] = [None, 17, "x", {}, {"RecordType": "Delivery"}, {"RecordType": []}, entry("Open", f"{run_id}-2", ReceivedAt="soon"),
                      entry("Open", "no-reference", MessageID=None), entry("Delivery", f"{uuid4()}-2")]  # fmt: skip
    reporting.call([*bad, good])
    assert reporting.reports(run_id) == ["delivered"]
    with pytest.raises(BadRequest):
        reporting.call(b"no json")


def test_only_the_connector_that_sent_a_message_reports_about_it(reporting: Reporting, world: World) -> None:
    run_id = reporting.sent()
    other = Reporting.__new__(Reporting)
    other.world, other.provider = world, reporting.provider
    from app.connectors.schemas import NewConnector

    world.connectors("create", NewConnector(name="Other", type="postmark", config=reporting.provider.config()))
    url = callback_url(world.tenant, world.value("select id from connectors where name = 'Other'"))
    call(url, entry("SpamComplaint", f"{run_id}-2", ID=9))
    call(url, entry("SpamComplaint", "", reporting.provider.ids[0], ID=10))
    assert reporting.reports(run_id) == [] and reporting.listed() == []


@pytest.mark.parametrize("token", ["", "x", "W10.AAAA", "eyJhIjoxfQ.AAAA"])
def test_an_address_that_is_none(reporting: Reporting, token: str) -> None:
    with pytest.raises(NoSuchCallback):
        call(f"http://x/api/callbacks/{token}", {})


def test_an_address_of_a_connector_that_reports_nothing_or_is_gone(reporting: Reporting, world: World) -> None:
    for connector_id in (world.connector_id, uuid4()):
        with pytest.raises(NoSuchCallback):
            call(callback_url(world.tenant, connector_id), {})
    body, mac = reporting.url.rpartition("/")[2].split(".")
    with pytest.raises(NoSuchCallback):
        call(f"http://x/api/callbacks/{body}.{mac[::-1]}", {})


def test_one_message_keeps_a_bounded_number_of_reports(reporting: Reporting, world: World) -> None:
    run_id = reporting.sent()
    for day in range(1, 4):
        opens = [
            entry("Open", f"{run_id}-2", ReceivedAt=f"2026-02-0{day}T{hour:02}:{minute:02}:00Z")
            for hour in range(10)
            for minute in range(10)
        ]
        reporting.call(opens)
    assert len(reporting.reports(run_id)) == report_repository.MOST_OF_MESSAGE


def test_a_flood_waits_in_a_lane_of_its_own_and_is_bounded(
    reporting: Reporting, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = reporting.sent()
    monkeypatch.setattr(receiving, "MOST_WAITING", 2)
    for hour in range(2):
        reporting.call(entry("Open", f"{run_id}-2", ReceivedAt=f"2026-02-01T0{hour}:00:00Z"))
    with pytest.raises(CallbacksBusy):
        reporting.call(entry("Open", f"{run_id}-2", ReceivedAt="2026-02-01T05:00:00Z"))
    assert world.value("select count(distinct lane) from inbox where name = 'message.opened' and lane > 0") == 1


def test_erased_contacts_have_no_events_and_no_words(reporting: Reporting, world: World) -> None:
    run_id: UUID = reporting.sent()
    world.db.execute("delete from contacts where email = 'zoe@example.com'")
    reporting.call(entry("Open", f"{run_id}-2"))
    assert reporting.events() == [] and reporting.reports(run_id) == ["opened"]


def test_other_programs_hear_of_it(reporting: Reporting, world: World) -> None:
    world.db.execute(
        "insert into webhook_endpoints (tenant_id, id, url, types, sealed) values (%s, gen_random_uuid(), 'https://x.example',"
        " array['message.clicked'], '')", (world.tenant,)
    )  # fmt: skip
    run_id = reporting.sent()
    reporting.call(entry("Click", f"{run_id}-2", OriginalLink="https://shop.example/"))
    row = world.db.execute("select type, data from event_deliveries").fetchone()
    assert row is not None and row[0] == "message.clicked"
    assert row[1]["url"] == "https://shop.example/" and row[1]["contact"]["email"] == "zoe@example.com"
