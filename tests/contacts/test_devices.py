"""Devices of contacts: by the API, and by the pages of a site, whose browsers also report what they showed."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx

from app.connectors.callback_address import read_callback_token
from app.devices.site_address import site_url
from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.messaging.push_services.fake import Browser

SITE, KEY = "https://www.northlight.example", "an-identity-key-of-the-site"
CONTACTS = "/api/v1/contacts"


async def contact(program: httpx.AsyncClient, external_id: str) -> str:
    made = await program.post(CONTACTS, json={"externalId": external_id})
    return str(made.json()["data"]["id"])


async def test_a_token_belongs_to_one_contact(api: ApiClients) -> None:
    program = await api(Role.MARKETER)
    one, other = await contact(program, "one"), await contact(program, "other")
    device = {"token": "a-registration-token", "platform": "android", "app": "Shop"}
    made = await program.post(f"{CONTACTS}/{one}/devices", json=device)
    assert made.status_code == 201 and made.json()["data"]["app"] == "Shop"
    again = await program.post(f"{CONTACTS}/{one}/devices", json={**device, "app": ""})
    assert again.status_code == 200 and again.json()["data"]["app"] == "Shop"
    moved = await program.post(f"{CONTACTS}/{other}/devices", json=device)
    assert moved.status_code == 200 and moved.json()["data"]["id"] == made.json()["data"]["id"]
    assert (await program.get(f"{CONTACTS}/{one}/devices")).json()["data"] == []
    url = f"{CONTACTS}/{other}/devices/{made.json()['data']['id']}"
    assert (await program.delete(url)).status_code == 204 and (await program.delete(url)).status_code == 404


async def test_the_least_recently_seen_of_too_many_goes(api: ApiClients) -> None:
    program = await api(Role.MARKETER)
    one = await contact(program, "one")
    for number in range(22):
        await program.post(f"{CONTACTS}/{one}/devices", json={"token": f"token-{number:04}", "platform": "ios"})
    listed = (await program.get(f"{CONTACTS}/{one}/devices")).json()["data"]
    assert len(listed) == 20 and "token-0000" not in {row["token"] for row in listed}


async def test_what_is_no_device_is_refused(api: ApiClients) -> None:
    program = await api(Role.MARKETER)
    url = f"{CONTACTS}/{await contact(program, 'one')}/devices"
    keys = Browser("").keys
    for body in (
        {"token": "short", "platform": "ios"},
        {"token": "long enough", "platform": "ios"},
        {"token": "long-enough", "platform": "fridge"},
        {"token": "https://169.254.169.254/x", "platform": "web", "keys": keys},
        {"token": "http://push.example.com/x", "platform": "web", "keys": keys},
        {"token": "https://[2606:4700::1111]/x", "platform": "web", "keys": keys},
        {"token": "https://push.example.com/x", "platform": "ios", "keys": keys},
    ):
        assert (await program.post(url, json=body)).status_code == 422, body


async def test_browsers_subscribe_by_a_signature_or_a_token(api: ApiClients, client: httpx.AsyncClient) -> None:
    admin = await api(Role.ADMIN)
    config = {"contact": "mailto:push@northlight.example", "origins": SITE, "identityKey": KEY}
    made = await admin.post("/api/v1/connectors", json={"name": "Site", "type": "web_push", "config": config})
    assert made.status_code == 201, made.text
    view = made.json()["data"]["config"]
    assert len(view["publicKey"]) == 87 and view["hasPrivateKey"] and "privateKey" not in view
    address = read_callback_token(made.json()["data"]["callbackUrl"].rpartition("/")[2])
    assert address is not None
    url = httpx.URL(site_url(address.tenant_id, address.connector_id)).path
    script = await client.get(f"{url}/throughline-push.js")
    assert (
        script.status_code == 200 and view["publicKey"] in script.text and "public" in script.headers["cache-control"]
    )
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert (await client.get(f"{url}/worker.js")).status_code == 200
    assert (await client.get("/push/none/worker.js")).status_code == 404
    signature = hmac.new(KEY.encode(), b"customer-42", hashlib.sha256).hexdigest()
    body: dict[str, Any] = {
        "endpoint": "https://push.example.com/abc",
        "keys": Browser("").keys,
        "externalId": "customer-42",
    }
    headers = {"Origin": SITE, "Content-Type": "text/plain"}
    unsigned = await client.post(f"{url}/devices", json={**body, "signature": "00"}, headers=headers)
    assert unsigned.status_code == 401 and unsigned.headers["access-control-allow-origin"] == SITE
    elsewhere = await client.post(
        f"{url}/devices", json={**body, "signature": signature}, headers={"Origin": "https://evil.example"}
    )
    assert elsewhere.status_code == 403
    signed = await client.post(f"{url}/devices", json={**body, "signature": signature}, headers=headers)
    assert signed.status_code == 200 and signed.json()["created"], signed.text
    person = (await admin.get(CONTACTS, params={"externalId": "customer-42"})).json()["data"][0]["id"]
    assert len((await admin.get(f"{CONTACTS}/{person}/devices")).json()["data"]) == 1
    token = (await admin.post(f"{CONTACTS}/{person}/devices/token")).json()["data"]["token"]
    again = await client.post(
        f"{url}/devices", json={"endpoint": body["endpoint"], "keys": body["keys"], "token": token}, headers=headers
    )
    assert again.status_code == 200 and not again.json()["created"]
    over = await client.post(f"{url}/withdraw", json={"endpoint": body["endpoint"]}, headers=headers)
    assert over.json() == {"removed": True}


async def test_a_token_registers_so_many_new_browsers_an_hour(api: ApiClients, client: httpx.AsyncClient) -> None:
    admin = await api(Role.ADMIN)
    config = {"contact": "mailto:push@northlight.example", "origins": SITE, "identityKey": KEY}
    made = await admin.post("/api/v1/connectors", json={"name": "Site", "type": "web_push", "config": config})
    address = read_callback_token(made.json()["data"]["callbackUrl"].rpartition("/")[2])
    assert address is not None
    url = f"{httpx.URL(site_url(address.tenant_id, address.connector_id)).path}/devices"
    people = [await contact(admin, external_id) for external_id in ("p-1", "p-2")]
    tokens = [(await admin.post(f"{CONTACTS}/{one}/devices/token")).json()["data"]["token"] for one in people]

    async def register(name: str, token: str) -> httpx.Response:
        body = {"endpoint": f"https://push.example.com/{name}", "keys": Browser("").keys, "token": token}
        return await client.post(url, json=body, headers={"Origin": SITE, "Content-Type": "text/plain"})

    for number in range(20):
        assert (await register(f"a{number}", tokens[0])).status_code == 200
    refused = await register("one-more", tokens[0])
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 180
    assert refused.headers["access-control-allow-origin"] == SITE, "the page may read why"
    known = await register("a3", tokens[0])
    assert known.status_code == 200 and not known.json()["created"], "one that is there may come as often as it likes"
    kept = (await admin.get(f"{CONTACTS}/{people[0]}/devices")).json()["data"]
    assert len(kept) == 20
    assert (await register("one-more", tokens[1])).json()["created"], "another contact’s is not counted here"


async def test_a_page_of_the_site_may_read_what_was_wrong(api: ApiClients, client: httpx.AsyncClient) -> None:
    admin = await api(Role.ADMIN)
    config = {"contact": "mailto:push@northlight.example", "origins": SITE, "identityKey": KEY}
    made = (await admin.post("/api/v1/connectors", json={"name": "Site", "type": "web_push", "config": config})).json()
    address = read_callback_token(made["data"]["callbackUrl"].rpartition("/")[2])
    assert address is not None
    url = httpx.URL(site_url(address.tenant_id, address.connector_id)).path
    person = await contact(admin, "one")
    token = (await admin.post(f"{CONTACTS}/{person}/devices/token")).json()["data"]["token"]
    await admin.delete(f"{CONTACTS}/{person}")

    def signed(external_id: str) -> dict[str, str]:
        proof = hmac.new(KEY.encode(), external_id.encode(), hashlib.sha256).hexdigest()
        return {"externalId": external_id, "signature": proof}

    good = {"endpoint": "https://push.example.com/abc", "keys": Browser("").keys}
    for status, body in (
        (400, "no json"),
        (400, "[" * 8_000),
        (400, '{"endpoint": ' + "[" * 900 + "]" * 900 + "}"),
        (400, {**good, **signed("two"), "cookie": "x"}),
        (401, {**good, "externalId": "two", "signature": "é"}),
        (401, {**good, "token": token + "x"}),
        (404, {**good, "token": token}),
        (400, {**good, **signed("a\x00b")}),
        (422, {**good, **signed("x" * 4_000)}),
        (422, {**good, **signed("two"), "endpoint": "https://169.254.169.254/latest"}),
        (422, {**good, **signed("two"), "keys": {"p256dh": "A" * 87, "auth": "A" * 22}}),
    ):
        text = body if isinstance(body, str) else json.dumps(body)
        answer = await client.post(f"{url}/devices", content=text, headers={"Origin": SITE})
        assert answer.status_code == status, (body, answer.text)
        assert answer.headers.get("access-control-allow-origin") == SITE and answer.json()["detail"], body
    assert (await client.post(f"{url}/devices", content="x" * 9_000, headers={"Origin": SITE})).status_code == 413
    listed = (await admin.get(CONTACTS)).json()["data"]
    assert [row["externalId"] for row in listed] == [], "nobody was made for what was refused"
