"""The API against its own document: schemathesis makes requests that fit each operation and such that do not.

Whatever comes, the answer is no fault of ours (no 5xx), has a status that the document names, and looks as it says; what does not
fit the document is refused. Bounded: a
handful of requests for each way of making them, and always the same ones in a build (`CI`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import hypothesis
import requests
import schemathesis
from litestar import Litestar
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import FailureGroup
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.filled import fill
from tests.fixtures.people import ApiClients

EACH = 3
"""Requests of each operation and kind: that is some 450 in all."""
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def explore(
    document: dict[str, Any], ids: dict[str, str], send: Callable[[requests.PreparedRequest], httpx.Response]
) -> list[str]:
    """Every operation, those that delete last, with bodies and parameters that fit and that do not. Returns what is wrong."""
    for item in document[
        "paths"
    ].values():  # who may ask is tested elsewhere: here everything asks with the owner's key
        for operation in item.values():
            operation.pop("security", None)
    del document["security"], document["components"]["securitySchemes"]
    schema = schemathesis.openapi.from_dict(document)
    found = [result.ok() for result in schema.get_all_operations()]
    wrong: dict[str, str] = {}
    for operation in sorted(found, key=lambda operation: operation.method == "delete"):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            ask(operation, mode, ids, send, wrong)
    return [f"{name}: {words}" for name, words in wrong.items()]


def ask(operation: Any, mode: GenerationMode, ids: dict[str, str], send: Any, wrong: dict[str, str]) -> None:
    @hypothesis.settings(
        max_examples=EACH,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), real=hypothesis.strategies.booleans())
    def run(case: Any, real: bool) -> None:
        if real:
            case.path_parameters.update({name: ids[name] for name in case.path_parameters if name in ids})
        made = case.as_transport_kwargs(base_url="http://testserver")
        answer = send(requests.Request(**{name: value for name, value in made.items() if name in REQUEST}).prepare())
        try:
            case.validate_response(answer, checks=CHECKS if judged(answer) else CHECKS[:-1])
        except FailureGroup as failed:
            told = "\n".join(f"{type(each).__name__}: {each}" for each in failed.exceptions)
            asked = f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}"
            wrong.setdefault(
                f"{operation.label} ({mode.value})", f"{told}\n{asked}\n{answer.status_code} {answer.text[:300]}"
            )

    try:
        run()
    except hypothesis.errors.Unsatisfiable:
        return  # there is nothing that does not fit: no parameters, no body


def judged(answer: httpx.Response) -> bool:
    """Must what does not fit be refused with one of the statuses that schemathesis knows? Not a file, and not what is too large."""
    return answer.status_code != 413 and answer.request.headers.get("content-type", "").startswith("application/json")


REQUEST = ("method", "url", "headers", "files", "data", "params", "auth", "cookies", "json")


async def test_the_api_keeps_to_its_document(
    api: ApiClients, app_under_test: Litestar, db_session: AsyncSession, workspace: Workspace
) -> None:
    owner, ids = await api(Role.OWNER), await fill(db_session, workspace)
    document, loop = (await owner.get("/docs/openapi/openapi.json")).json(), asyncio.get_running_loop()
    # Requests are thought out while the transaction of the test is open.
    await db_session.execute(text("set local idle_in_transaction_session_timeout = 0"))
    sent = 0

    async def ask_app(prepared: requests.PreparedRequest) -> httpx.Response:
        headers = {
            name: value for name, value in prepared.headers.items() if name.lower() not in ("authorization", "cookie")
        }
        return await owner.request(
            str(prepared.method), str(prepared.url), headers=headers, content=prepared.body or b""
        )

    def send(prepared: requests.PreparedRequest) -> httpx.Response:
        nonlocal sent
        sent += 1
        return asyncio.run_coroutine_threadsafe(ask_app(prepared), loop).result(60)

    wrong = await asyncio.to_thread(explore, document, ids, send)
    assert not wrong, "\n\n".join(wrong)
    assert sent > 300
