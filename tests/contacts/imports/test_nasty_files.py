"""Files as people have them: written in another way, with dates either way round, broken and too full."""

from __future__ import annotations

import csv
import io

import httpx

from tests.contacts.imports.importing import IMPORT, IN_PART, Importer, counts_of, upload
from tests.fixtures.database import CommittedDatabase


async def test_a_file_is_read_again_as_somebody_says(program: httpx.AsyncClient) -> None:
    data = "ada@example.com;Zürich;1.234,5\nbo@example.com;Köln;2,5\n".encode("cp850")
    preview = await upload(program, data)
    again = f"{IMPORT}/{preview['id']}/format"
    read = (await program.post(again, json={"encoding": "cp850", "hasHeader": True})).json()["data"]
    assert read["encoding"] == "cp850" and read["columns"] == ["ada@example.com", "Zürich", "1.234,5"]
    assert read["rows"] == [["bo@example.com", "Köln", "2,5"]] and read["rowsTotal"] == 1
    read = (await program.post(again, json={"hasHeader": False})).json()["data"]
    assert read["rows"][0] == ["ada@example.com", "Zürich", "1.234,5"] and read["rowsTotal"] == 2
    assert read["decimalMark"] == "," and read["mapping"]["Column 3"] == {"to": "attributes.column_3", "type": "number"}
    read = (await program.post(again, json={"delimiter": "|"})).json()["data"]
    assert len(read["columns"]) == 1
    wrong = await program.post(again, json={"encoding": "klingon"})
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["path"] == "encoding"
    assert (await program.post(again, json={"delimiter": "x"})).status_code == 422
    assert (await program.post(f"{IMPORT}/{preview['id']}/start", json={})).status_code == 422
    assert (await program.post(again, json={"delimiter": ";"})).json()["data"]["mapping"]["Column 1"]["to"] == "email"
    assert (await program.post(f"{IMPORT}/{preview['id']}/start", json={})).status_code == 202
    assert (await program.post(again, json={"delimiter": ";"})).status_code == 409


async def test_dates_that_could_be_either_way_round_are_asked_about(importer: Importer) -> None:
    preview = await importer.upload(b"mail,born\na@example.com,3/4/1990\nb@example.com,5/6/1991\n")
    assert preview["unclearDates"] == ["born"] and preview["mapping"]["born"]["type"] == "date"
    start = f"{IMPORT}/{preview['id']}/start"
    answer = await importer.client.post(start, json={}, headers=importer.headers)
    assert [error["path"] for error in answer.json()["errors"]] == ["dateOrder"]
    await importer.start_uploaded(preview["id"], dateOrder="mdy")
    await importer.run()
    people = {row["email"]: row["attributes"] for row in await importer.get("/api/v1/contacts")}
    assert people == {"a@example.com": {"born": "1990-03-04"}, "b@example.com": {"born": "1991-05-06"}}


NASTY = (
    "sep=;\r\n"
    "E-Mail;First Name;Phone;Language;Spent\r\n"
    "ada@example.com;Ada;0151 12345678;German;1.234,56\r\n"
    'bo@example.com;"Bo;4.91511E+12;de;-\r\n'
    "\r\n"
    'cy@example.com;Cy";n/a;NULL;12,5\r'
    "di@example.com;Di\n"
    "not an address;Eve;;;\n"
    "fay@example.com;Fay;0301234567;Klingonese;many\n"
    "gus@example.com;Gus;;;;;extra\n"
    "ada@example.com;Ada;;;\n"
)


async def test_a_nasty_file_loses_nobody_and_counts_add_up(
    importer: Importer, committed_database: CommittedDatabase
) -> None:
    preview = await importer.upload(NASTY.encode("cp1252"))
    assert preview["flawedRows"] == 2 and preview["decimalMark"] == ","
    import_id = preview["id"]
    mapping = {**preview["mapping"], "Spent": {"to": "attributes.spent", "type": "number"}}
    await importer.start_uploaded(import_id, country="DE", mapping=mapping)
    await importer.run()
    done = await importer.get(f"{IMPORT}/{import_id}")
    assert counts_of(done) == {
        "total": 8,
        "done": 8,
        "created": 6,
        "updated": 0,
        "unchanged": 1,
        "failed": 1,
        "warned": 4,
    }
    people = {row["email"].partition("@")[0]: row for row in await importer.get("/api/v1/contacts")}
    assert sorted(people) == ["ada", "bo", "cy", "di", "fay", "gus"]
    assert people["ada"]["phone"] == "+4915112345678" and people["ada"]["locale"] == "de"
    assert people["ada"]["attributes"] == {"first_name": "Ada", "spent": 1234.56}
    assert people["bo"]["attributes"] == {"first_name": "Bo"} and people["bo"]["locale"] == "de"
    assert people["cy"]["attributes"] == {"first_name": "Cy", "spent": 12.5} and people["cy"]["phone"] is None
    assert people["fay"]["phone"] == "+49301234567" and people["fay"]["attributes"] == {"first_name": "Fay"}
    text = (await importer.client.get(f"{IMPORT}/{import_id}/errors.csv", headers=importer.headers)).text
    rows = {row["import_line"]: row for row in csv.DictReader(io.StringIO(text))}
    assert {line: row["import_result"] for line, row in rows.items()} == {
        "4": IN_PART,
        "6": IN_PART,
        "8": "refused",
        "9": IN_PART,
        "10": IN_PART,
    }
    assert "Phone (“4.91511E+12”)" in rows["4"]["import_error"] and "quote" in rows["4"]["import_error"]
    assert "Language (“Klingonese”)" in rows["9"]["import_error"] and "Spent (“many”)" in rows["9"]["import_error"]
    with committed_database.connect() as connection:
        labels = dict(connection.execute("select name, label from attribute_labels").fetchall())
    assert labels == {"first_name": "First Name", "spent": "Spent"}


async def test_too_much_for_a_contact_costs_the_cells_and_not_the_person(importer: Importer) -> None:
    await importer.start(b"mail,a\nbig@example.com,1\n")
    await importer.run()
    tags = "|".join(f"t{n}" for n in range(101))
    cells = ",".join("x" * 9_000 for _ in range(4))
    data = f"mail,a,b,c,d,tags,Opt-out\nbig@example.com,{cells},{tags},yes\n"
    import_id = await importer.start(data.encode())
    await importer.run()
    done = await importer.get(f"{IMPORT}/{import_id}")
    assert counts_of(done) == {
        "total": 1,
        "done": 1,
        "created": 0,
        "updated": 1,
        "unchanged": 0,
        "failed": 0,
        "warned": 1,
    }
    (person,) = await importer.get("/api/v1/contacts")
    assert person["attributes"] == {"a": 1} and person["tags"] == [] and person["consent"] == {"email": False}
