"""Trying code out in the builder: the sample, the run, the check, and who may."""

from __future__ import annotations

import json

from app.code_steps.checks import OFF
from app.models.status import Role
from tests.code_steps.test_switch import SWITCH, created
from tests.fixtures.people import ApiClients, BrowserClients


async def test_code_is_tried_on_a_sample(api: ApiClients, browser: BrowserClients) -> None:
    admin, marketer = await api(Role.ADMIN), await browser(Role.MARKETER)
    workflow = await created(admin)
    await admin.post("/api/v1/contacts", json={"email": "ada@example.com", "attributes": {"first_name": "Ada"}})
    answer = await marketer.get(f"/workflows/{workflow}/code/sample?node=code")
    assert answer.status_code == 200, answer.text
    sample = answer.json()
    assert sample["data"]["contact"]["email"] == "ada@example.com" and sample["data"]["steps"] == {"end": {}}
    missing = await marketer.get(f"/workflows/{workflow}/code/sample?source=contact&contact=nobody@example.com")
    assert missing.json() == {"data": {}, "about": "There is no contact nobody@example.com."}
    chosen = await marketer.get(f"/workflows/{workflow}/code/sample?source=contact&contact=ada@example.com")
    assert chosen.json()["data"]["contact"]["attributes"] == {"first_name": "Ada"}
    last = await marketer.get(f"/workflows/{workflow}/code/sample?source=run")
    assert last.json()["about"] == "Nobody has come through this workflow yet."
    tried = {
        "milliseconds": "2000",
        "language": "javascript",
        "code": "console.warn('<b>');\nreturn {n: input.n + 1}",
        "data": json.dumps({"input": {"n": 1}}),
    }
    refused = await marketer.post(f"/workflows/{workflow}/code/run", data=tried)
    assert refused.status_code == 200 and OFF in refused.text
    await admin.put(SWITCH, json={"allowed": True})
    ran = await marketer.post(f"/workflows/{workflow}/code/run", data=tried)
    assert "&#34;n&#34;: 2" in ran.text and "&lt;b&gt;" in ran.text and "<b>&" not in ran.text
    failed = await marketer.post(f"/workflows/{workflow}/code/run", data={**tried, "code": "\nthrow new Error('no')"})
    assert 'data-line="2"' in failed.text and "Line 2: Error: no" in failed.text
    broken = await marketer.post(f"/workflows/{workflow}/code/run", data={**tried, "data": "{"})
    assert "The sample data is no JSON object" in broken.text
    check = await marketer.post(f"/workflows/{workflow}/code/check", data={**tried, "code": "let x = ;"})
    assert check.json()["line"] == 1 and "SyntaxError" in check.json()["error"]
    assert (await (await browser(Role.VIEWER)).post(f"/workflows/{workflow}/code/run", data=tried)).status_code == 403
