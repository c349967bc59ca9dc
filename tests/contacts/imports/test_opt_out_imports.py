"""Files with people who opted out, from upload to contact: nobody of them becomes reachable, and nothing starts silently."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.models.status import Role
from tests.contacts.imports.importing import IMPORT, Importer, upload
from tests.fixtures.people import ApiClients

MAILCHIMP = (
    b"Email Address,First Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,UNSUB_REASON,Status\n"
    b"ada@example.com,Ada,2,2023-01-02 03:04:05,,,subscribed\n"
    b"bo@example.com,Bo,1,2023-01-02 03:04:05,2024-05-06 07:08:09,NORMAL,unsubscribed\n"
    b"cy@example.com,Cy,1,2023-01-02 03:04:05,,,cleaned\n"
    b"di@example.com,Di,1,,0000-00-00 00:00:00,,subscribed\n"
)
SALESFORCE = (
    "Id;Email;HasOptedOutOfEmail;DoNotCall\r\n"
    "003A1;ada@example.com;0;1\r\n003A2;bo@example.com;1;0\r\n003A3;cy@example.com;;\r\n003A4;di@example.com;vielleicht;0\r\n"
).encode("utf-16")
HUBSPOT = (
    b'"Email","Unsubscribed from all email","Email hard bounce reason"\n'
    b'"ada@example.com","",""\n"bo@example.com","Yes",""\n"cy@example.com","No","USER_UNKNOWN"\n"di@example.com","false",""\n'
)
KLAVIYO = (
    b"Email,Email Marketing Consent,Klaviyo ID\n"
    b"ada@example.com,SUBSCRIBED,01\nbo@example.com,UNSUBSCRIBED,02\ncy@example.com,NEVER_SUBSCRIBED,03\ndi@example.com,,04\n"
)
GERMAN = (
    "E-Mail;Vorname;Abmeldedatum;Beschwerde\n"
    "ada@example.com;Ada;;\nbo@example.com;Bo;01.02.2024;\ncy@example.com;Cy;-;\ndi@example.com;Di;1.3.24;\n"
).encode("cp1252")


async def consents(importer: Importer) -> dict[str, Any]:
    people = await importer.get("/api/v1/contacts")
    return {person["email"].partition("@")[0]: person["consent"] for person in people}


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (MAILCHIMP, {"ada": True, "bo": False, "cy": False, "di": True}),
        (SALESFORCE, {"ada": None, "bo": False, "cy": None, "di": False}),
        (KLAVIYO, {"ada": True, "bo": False, "cy": False, "di": None}),
        (HUBSPOT, {"ada": None, "bo": False, "cy": None, "di": None}),
        (GERMAN, {"ada": None, "bo": False, "cy": None, "di": False}),
    ],
    ids=["mailchimp", "salesforce", "klaviyo", "hubspot", "german"],
)
async def test_exports_of_other_products(importer: Importer, data: bytes, wanted: dict[str, Any]) -> None:
    preview = await importer.upload(data)
    unsure = [column["column"] for column in preview["optOuts"] if not column["sure"]]
    await importer.start_uploaded(preview["id"], acknowledgeOptOuts=unsure)
    await importer.run()
    assert {name: consent.get("email") for name, consent in (await consents(importer)).items()} == wanted


async def test_bounces_and_complaints_go_on_the_suppression_list(importer: Importer) -> None:
    data = b"mail,Status,Bounced\na@example.com,cleaned,\nb@example.com,Marked as spam,\nc@example.com,active,2\n"
    await importer.start(data + b"d@example.com,unsubscribed,0\ne@example.com,subscribed,\n")
    await importer.run()
    listed = {row["address"]: row["reason"] for row in await importer.get("/api/v1/suppressions")}
    assert listed == {
        "a@example.com": "bounced",
        "b@example.com": "complained",
        "c@example.com": "bounced",
        "d@example.com": "unsubscribed",
    }
    assert [consent.get("email") for _, consent in sorted((await consents(importer)).items())] == [False] * 4 + [True]


@pytest.mark.parametrize(
    "later", [b"mail,Subscribed\nbo@example.com,yes\n", b"mail,Status\nbo@example.com,active\n"], ids=["flag", "status"]
)
async def test_a_later_file_does_not_undo_an_opt_out(importer: Importer, later: bytes) -> None:
    """A no of the person is not taken back by an older export that still says yes."""
    await importer.start(b"mail,Do not contact\nbo@example.com,x\nada@example.com,\n")
    await importer.run()
    await importer.start(later)
    await importer.run()
    found = {person["email"]: person["permissions"]["email"] for person in await importer.get("/api/v1/contacts")}
    assert (found["bo@example.com"]["allowed"], found["bo@example.com"]["reason"]) == (False, "unsubscribed")
    assert found["ada@example.com"]["allowed"] is True


async def test_a_topic_of_its_own(importer: Importer) -> None:
    await importer.start(SALESFORCE)
    await importer.run()
    assert (await consents(importer))["ada"] == {"phone": False}


@pytest.mark.parametrize(
    ("data", "mapping", "column"),
    [
        (MAILCHIMP, {"Email Address": "email", "Status": "attributes.status", "UNSUB_TIME": None}, "UNSUB_TIME"),
        (MAILCHIMP, {"Email Address": "email", "Status": "attributes.status", "UNSUB_TIME": None}, "Status"),
        (b"mail,Blocked\na@example.com,x\n", None, "Blocked"),
        (b"mail,Notizen\na@example.com,ruft an\nb@example.com,abgemeldet\n", None, "Notizen"),
        (b'mail,Labels\na@example.com,"vip,DNC"\n', None, "Labels"),
        (b"mail,Unsubscribed\na@example.com,yes\n", {"mail": "email", "Unsubscribed": "consent.email"}, "Unsubscribed"),
    ],
)
async def test_nothing_starts_while_an_opt_out_is_open(
    program: httpx.AsyncClient,
    data: bytes,
    mapping: Any,
    column: str,
) -> None:
    preview = await upload(program, data)
    start = f"{IMPORT}/{preview['id']}/start"
    body = {} if mapping is None else {"mapping": mapping}
    answer = await program.post(start, json=body)
    assert answer.status_code == 422, answer.text
    told = {error["path"]: error["message"] for error in answer.json()["errors"]}
    assert f"mapping.{column}" in told and "acknowledgeOptOuts" in told[f"mapping.{column}"]
    named = [path.removeprefix("mapping.") for path in told]
    assert (await program.post(start, json={**body, "acknowledgeOptOuts": named})).status_code == 202


async def test_a_list_of_opt_outs_wants_a_word(importer: Importer) -> None:
    preview = await importer.upload(b"Email Address\nada@example.com\n", "unsubscribed_segment_export_3f.csv")
    assert preview["optedOutByName"] is True
    answer = await importer.client.post(f"{IMPORT}/{preview['id']}/start", json={}, headers=importer.headers)
    assert [error["path"] for error in answer.json()["errors"]] == ["allOptedOut"]
    await importer.start_uploaded(preview["id"], allOptedOut=True)
    await importer.run()
    assert await consents(importer) == {"ada": {"email": False}}


async def test_an_import_never_gives_back_what_an_opt_out_took(importer: Importer) -> None:
    await importer.start(b"mail,Opt-out\nada@example.com,yes\n")
    await importer.run()
    await importer.start(b"mail,Opt-out\nada@example.com,no\n")
    await importer.run()
    assert await consents(importer) == {"ada": {"email": False}}


async def test_an_opt_out_far_below_the_preview_counts(importer: Importer) -> None:
    lines = [f"p{n}@example.com,{'x' * 200}\n" for n in range(2_000)]
    data = "mail,remark\n" + "".join(lines) + "late@example.com,Opted out\n"
    import_id = await importer.start(data.encode())
    await importer.run()
    assert (await importer.get(f"{IMPORT}/{import_id}"))["warnedCount"] == 1
    (late,) = await importer.get("/api/v1/contacts?email=late@example.com")
    assert late["consent"] == {"email": False}


async def test_viewers_may_not_answer_for_others(api: ApiClients, program: httpx.AsyncClient) -> None:
    preview = await upload(program, MAILCHIMP)
    viewer = await api(Role.VIEWER)
    assert (await viewer.post(f"{IMPORT}/{preview['id']}/format", json={})).status_code == 403
