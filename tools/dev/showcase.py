"""A running product with something on every page, for pictures and for the check of all pages."""

from __future__ import annotations

import email
import hashlib
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from e2e.product import PATIENCE_S, PLAIN, Product
from e2e.workflows import create, create_small
from tools.dev.page_states import PageState

_WITH_LINK = "select raw from mailbox_messages where position('List-Unsubscribe:'::bytea in raw) > 0 limit 1"
NAME, TAG, FLOW = "سلمى", "عميلة", "رسائل الترحيب"
"""A contact, a tag and a workflow that are read from right to left."""
EMPTY = 2
"""The workspace in which nobody did anything yet."""
_FIRST = {
    "workflow": "select id from workflows where status = 'active' order by name limit 1",
    "tour": "select id from workflows where name = 'Onboarding'",
    "run": "select r.id from runs r join workflows w on w.id = r.workflow_id where r.status = 1 order by w.name limit 1",
    "completed": "select id from runs where status = 4 order by started_at desc limit 1",
    "contact": "select contact_id from active_runs limit 1",
    "template": "select id from templates order by name limit 1",
    "message": "select run_id || '-' || seq from messages limit 1",
    "mail": "select id from mailbox_messages order by received_at desc limit 1",
    "connector": "select id from connectors limit 1",
}
"""Ids of the demo workspace, by the names that addresses of `page_states` have for them."""


def _first(database: Any, query: str) -> Any:
    """The value, once the demo workspace has come so far: its workflows begin to run when the product does. Raises RuntimeError."""
    end = time.monotonic() + PATIENCE_S
    while (row := database.execute(query).fetchone()) is None:
        if time.monotonic() > end:
            raise RuntimeError(f"the demo workspace has nothing of this after {PATIENCE_S} s: {query}")
        time.sleep(0.2)
    return row[0]


class Showcase:
    """The demo workspace of `product`, what it lacks, an empty workspace, and somebody who may only look."""

    def __init__(self, product: Product) -> None:
        self.product = product
        with product.connect() as database:
            self.ids = {name: str(_first(database, query)) for name, query in _FIRST.items()}
            mail = email.message_from_bytes(bytes(_first(database, _WITH_LINK)))
            address = str(mail["List-Unsubscribe"]).split("<", 1)[1].split(">", 1)[0]
            self.ids["unsubscribe"] = "/u/" + "".join(address.split()).rsplit("/u/", 1)[1]
            self._people(database)
        self._filled()

    def _people(self, database: Any) -> None:
        database.execute(
            "insert into workspaces (id, name, slug) values (%s, 'Field Notes', 'field-notes') on conflict do nothing",
            [EMPTY],
        )
        (owner,) = database.execute("select id from users where email = %s", [self.product.email]).fetchone()
        viewer = uuid.uuid4()
        database.execute(
            "insert into users (id, email, name) values (%s, %s, 'Noor Haddad')",
            [viewer, f"noor-{viewer.hex[:6]}@example.com"],
        )
        rows = [(1, viewer, "viewer"), (EMPTY, owner, "owner")]
        for row in rows:
            database.execute(
                "insert into memberships (tenant_id, user_id, role) values (%s, %s, %s) on conflict do nothing", row
            )
        self.ids["user"] = str(viewer)
        self._seats = {"owner": (owner, 1), "viewer": (viewer, 1), "newcomer": (owner, EMPTY)}
        database.execute(
            "insert into dead_letters (tenant_id, name, contact_id, payload, error) values (1, 'order.placed', null, %s, %s)",
            ['{"email": "ada@example.com", "properties": {"total": 42}}', "Its worker ended three times over it."],
        )

    def _filled(self) -> None:
        """What the demo workspace lacks, by the API."""
        self.ids["draft"] = create(self.product, "Win back")
        self.ids["small"] = create_small(self.product, "Trial follow-up")
        self.ids["segment"] = self._made("segments", {"name": "Shop customers", "kind": "static"})["id"]
        hook = {
            "url": f"{self.product.url}/hooks",
            "eventTypes": ["contact.created"],
            "description": "Shop orders",
        }
        endpoint = self._made("webhook-endpoints", hook)
        self.ids["endpoint"] = (endpoint.get("endpoint") or endpoint)["id"]
        self._made(
            "contacts",
            {"email": "salma@example.com", "attributes": {"first_name": NAME}, "tags": [TAG], "source": "crm"},
        )
        create(self.product, FLOW)
        self._made("suppressions", {"channel": "email", "address": "stop@example.com"})

    def _made(self, resource: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.product.api_key('admin')}"}
        answer = httpx.post(f"{self.product.url}/api/v1/{resource}", json=body, headers=headers, **PLAIN)
        if not answer.is_success:
            raise RuntimeError(f"POST {resource}: {answer.text}")
        data: Any = answer.json()["data"]
        return data if isinstance(data, dict) else {}

    def address(self, state: PageState) -> str:
        """What is opened."""
        return state.address.format(**self.ids)

    def session(self, who: str) -> str:
        """A session cookie of somebody of `PageState.who` but strangers."""
        token = secrets.token_urlsafe(32)
        with self.product.connect() as database:
            database.execute(
                """
                insert into sessions (id, token_hash, user_id, tenant_id, created_at, seen_at, expires_at, lasting)
                values (%s, %s, %s, %s, now(), now(), now() + interval '1 day', true)
                """,
                [uuid.uuid4(), hashlib.sha256(token.encode()).digest(), *self._seats[who]],
            )
        return token

    @contextmanager
    def trouble(self, kind: str) -> Iterator[None]:
        """`broken`: a table is away, so the list of suppressions fails. `locked`: the list of templates waits until it is given up."""
        with self.product.connect() as database:
            if kind == "broken":
                database.execute("alter table suppressions rename to suppressions_away")
            elif kind == "locked":
                database.autocommit = False
                database.execute("lock table templates in access exclusive mode")
            try:
                yield
            finally:
                if kind == "broken":
                    database.execute("alter table suppressions_away rename to suppressions")
                elif kind == "locked":
                    database.rollback()
