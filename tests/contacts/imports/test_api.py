"""`/api/v1/contacts/import` through the real app; the background run is called by the test."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import jobs as contact_jobs
from app.inbox import InboxKind
from app.models.status import Role
from tests.contacts.imports.importing import IMPORT, IN_PART, Importer, counts_of, upload
from tests.fixtures.clock import Clock
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients

FILE = (
    "E-Mail;User ID;First name;Age;Tags;Newsletter opt-in\r\n"
    "Ada@Example.com;u1;Ada;36;beta,vip;\r\n"
    "bo@example.com;u2;Bö;;;\r\n"
    "nope;u3;Cy;;;\r\n"
    ";;Nobody;;;\r\n"
    "bo@example.com;;Bob;41;;\r\n"
    "other@example.com;u1;Eve;x;;\r\n"
)


async def test_a_preview_guesses(program: httpx.AsyncClient) -> None:
    preview = await upload(program, FILE.encode("latin-1"), "C:\\files\\people.csv")
    assert preview["filename"] == "people.csv" and preview["status"] == "uploaded"
    assert (preview["encoding"], preview["delimiter"], preview["hasHeader"]) == ("windows-1252", ";", True)
    assert preview["columns"] == ["E-Mail", "User ID", "First name", "Age", "Tags", "Newsletter opt-in"]
    assert preview["rows"][1] == ["bo@example.com", "u2", "Bö", "", "", ""] and preview["rowsTotal"] == 6
    assert preview["mapping"]["E-Mail"] == {"to": "email", "type": "text"}
    assert preview["mapping"]["First name"] == {"to": "attributes.first_name", "type": "text"}
    raw = await program.post(IMPORT, content=FILE.encode(), headers={"content-type": "text/csv"})
    assert raw.status_code == 201 and raw.json()["data"]["encoding"] == "utf-8"
    listed = (await program.get(IMPORT)).json()["data"]
    assert [item["filename"] for item in listed] == ["contacts.csv", "people.csv"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"mapping": {}}, "mapping"),
        ({"mapping": {"Age": "attributes.age"}}, "mapping"),
        ({"mapping": {"Nope": "email"}}, "mapping.Nope"),
        ({"mapping": {"E-Mail": "mail"}}, "mapping.E-Mail"),
        ({"mapping": {"E-Mail": "email", "Age": "email"}}, "mapping.Age"),
        ({"mapping": {"E-Mail": {"to": "email", "type": "date"}}}, "mapping.E-Mail"),
        ({"mapping": {"E-Mail": {"to": "email", "type": "colour"}}}, "mapping.E-Mail.type"),
        ({"country": "XX"}, "country"),
        ({"decimalMark": ";"}, "decimalMark"),
        ({"acknowledgeOptOuts": ["Nope"]}, "acknowledgeOptOuts[0]"),
        ({"tags": ["ok", ""]}, "tags[1]"),
        ({"emitEvents": "no"}, "emitEvents"),
        ({"colour": 1}, "colour"),
    ],
)
async def test_a_mapping_that_does_not_fit_is_named(program: httpx.AsyncClient, body: Any, path: str) -> None:
    preview = await upload(program, FILE.encode())
    answer = await program.post(f"{IMPORT}/{preview['id']}/start", json=body)
    assert answer.status_code == 422 and [error["path"] for error in answer.json()["errors"]] == [path], answer.text
    assert (await program.get(f"{IMPORT}/{preview['id']}")).json()["data"]["status"] == "uploaded"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 workbook"])
async def test_what_is_no_csv_is_refused_and_not_kept(program: httpx.AsyncClient, data: bytes) -> None:
    answer = await program.post(IMPORT, files={"file": ("people.csv", data, "text/csv")})
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == "file"
    assert (await program.post(IMPORT, files={"other": ("a.csv", FILE.encode())})).status_code == 422
    assert (await program.get(IMPORT)).json()["data"] == []


async def test_a_body_above_the_limit_is_refused(program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.contacts.imports import service

    monkeypatch.setattr(service, "MAX_BYTES", 100)
    answer = await program.post(IMPORT, content=FILE.encode(), headers={"content-type": "text/csv"})
    assert answer.status_code == 413
    large = await program.post(IMPORT, files={"file": ("a.csv", b"email\n" + b"a@example.com\n" * 100_000)})
    assert large.status_code == 413  # 1.4 MB: more than other routes take, but it reached our own limit


async def test_roles_and_other_workspaces(
    api: ApiClients, program: httpx.AsyncClient, client: httpx.AsyncClient, other_workspace: Any
) -> None:
    preview = await upload(program, FILE.encode())
    one = f"{IMPORT}/{preview['id']}"
    viewer, stranger = await api(Role.VIEWER), await api(Role.OWNER, other_workspace)
    routes = [("POST", IMPORT), ("GET", IMPORT), ("GET", one)]
    routes += [("POST", f"{one}/{what}") for what in ("format", "start", "stop")]
    for method, path in [*routes, ("GET", f"{one}/errors.csv")]:
        assert (await client.request(method, path)).status_code == 401
        sent: dict[str, Any] = {"files": {"file": ("a.csv", b"email\n")}} if (method, path) == ("POST", IMPORT) else {}
        assert (await viewer.request(method, path, **sent)).status_code == (403 if method == "POST" else 200)
        if path != IMPORT:
            body = {"json": {}} if path.endswith(("/start", "/format")) else {}
            assert (await stranger.request(method, path, **body)).status_code == 404
    assert (await stranger.get(IMPORT)).json()["data"] == []


async def test_an_import_from_upload_to_errors(importer: Importer, committed_database: CommittedDatabase) -> None:
    data = FILE.encode("utf-8-sig")
    mapping = {
        "E-Mail": "email",
        "User ID": "externalId",
        "First name": "attributes.first_name",
        "Age": {"to": "attributes.Age", "type": "number"},
        "Tags": {"to": "tags"},
        "Newsletter opt-in": None,
    }
    import_id = await importer.start(data, tags=["list-1"], mapping=mapping)
    await importer.run()
    done = await importer.get(f"{IMPORT}/{import_id}")
    assert done["status"] == "completed", done
    assert counts_of(done) == {
        "total": 6,
        "done": 6,
        "created": 3,
        "updated": 2,
        "unchanged": 0,
        "failed": 1,
        "warned": 2,
    }
    people = {row["externalId"]: row for row in await importer.get("/api/v1/contacts")}
    assert people["u3"]["email"] is None and people["u3"]["attributes"] == {"first_name": "Cy"}
    assert people["u1"]["email"] == "other@example.com" and people["u1"]["attributes"] == {
        "first_name": "Eve",
        "Age": 36,
    }
    assert people["u1"]["tags"] == ["list-1", "beta", "vip"]
    assert people["u2"]["attributes"] == {"first_name": "Bob", "Age": 41}
    refused = await importer.client.get(f"{IMPORT}/{import_id}/errors.csv", headers=importer.headers)
    assert (
        refused.headers["content-type"].startswith("text/csv")
        and "attachment" in refused.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(refused.text)))
    told = [(row["import_line"], row["import_result"]) for row in rows]
    assert told == [("4", IN_PART), ("5", "refused"), ("7", IN_PART)]
    assert rows[0]["E-Mail"] == "nope" and "not an email" in rows[0]["import_error"]
    assert "neither" in rows[1]["import_error"] and "Age (“x”): This is not a number" in rows[2]["import_error"]
    with committed_database.connect() as connection:
        names = [row[0] for row in connection.execute("select name from inbox order by id")]
        assert names == ["contact.created"] * 3 + ["contact.updated", "contact.attribute_changed"] * 2
        assert connection.execute("select count(*) from contact_import_chunks").fetchone() == (0,)
    again = await importer.client.post(f"{IMPORT}/{import_id}/start", json={}, headers=importer.headers)
    assert again.status_code == 409


async def test_without_events_nothing_is_queued(importer: Importer, committed_database: CommittedDatabase) -> None:
    await importer.start(b"email\na@example.com\n", emitEvents=False)
    await importer.run()
    with committed_database.connect() as connection:
        assert connection.execute("select count(*), (select count(*) from events) from contacts").fetchone() == (1, 0)
        queued = connection.execute("select kind, name from inbox").fetchall()
    assert queued == [(InboxKind.FOLLOW, "contact.created")], "what is kept beside contacts follows, and nobody is told"


async def test_the_error_file_is_harmless_and_can_be_imported_again(importer: Importer) -> None:
    first = await importer.start(b'email,formula,phone\nbroken,"=1+1",+4915112345678\n', mapping={"email": "email"})
    await importer.run()
    text = (await importer.client.get(f"{IMPORT}/{first}/errors.csv", headers=importer.headers)).text
    assert "'=1+1" in text and "'+4915112345678" in text
    mended = text.replace("broken", "mended@example.com").encode()
    await importer.start(mended, mapping={"email": "email", "formula": "attributes.formula", "phone": "phone"})
    await importer.run()
    (person,) = await importer.get("/api/v1/contacts")
    assert person["attributes"] == {"formula": "=1+1"} and person["phone"] == "+4915112345678"


async def test_two_people_in_one_row_and_one_person_in_many(importer: Importer) -> None:
    await importer.start(b"externalId,email\nu1,one@example.com\nu2,two@example.com\n")
    await importer.run()
    lines = ["externalId,email,n", "u1,two@example.com,0"]  # two people
    lines += [f"u1,,{n}" for n in range(5)] + [
        "u2,one@example.com,9",
        "u3,three@example.com,1",
        "u3,three@example.com,2",
    ]
    second = await importer.start("\n".join(lines).encode())
    await importer.run()
    done = await importer.get(f"{IMPORT}/{second}")
    assert (done["createdCount"], done["updatedCount"], done["failedCount"]) == (1, 6, 2)
    people = {row["externalId"]: row for row in await importer.get("/api/v1/contacts")}
    assert people["u1"]["attributes"]["n"] == 4 and people["u3"]["attributes"]["n"] == 2
    assert people["u2"]["email"] == "two@example.com" and "n" not in people["u2"]["attributes"]


async def test_swapped_addresses_refuse_only_their_rows(importer: Importer) -> None:
    await importer.start(b"externalId,email\nu1,one@example.com\n")
    await importer.run()
    second = await importer.start(b"externalId,email\nu9,nine@example.com\nu8,one@example.com\nu7,seven@example.com\n")
    await importer.run()
    done = await importer.get(f"{IMPORT}/{second}")
    assert (done["createdCount"], done["failedCount"]) == (2, 1)


async def test_stop_keeps_what_is_in(importer: Importer) -> None:
    import_id = await importer.start(b"email\na@example.com\n")
    stop = await importer.client.post(f"{IMPORT}/{import_id}/stop", headers=importer.headers)
    assert stop.status_code == 200 and stop.json()["data"]["status"] == "failed"
    assert "Stopped by" in stop.json()["data"]["error"]
    await importer.run()
    assert (await importer.get(f"{IMPORT}/{import_id}"))["rowsDone"] == 0
    again = await importer.client.post(f"{IMPORT}/{import_id}/stop", headers=importer.headers)
    assert again.status_code == 409


async def test_unstarted_files_are_forgotten_after_a_day(
    program: httpx.AsyncClient, clock: Clock, db_session: AsyncSession
) -> None:
    await clock.store(db_session)
    await db_session.commit()
    await upload(program, FILE.encode())
    clock.advance(hours=23)
    assert await contact_jobs.forget_unstarted() == 0
    clock.advance(hours=2)
    assert await contact_jobs.forget_unstarted() == 1
    assert (await program.get(IMPORT)).json()["data"] == []
