"""Every page of the product in each of its states, in one list: `./dev shots` takes pictures, `e2e/test_every_page.py` has axe look.

`tests/tools/test_page_states.py` fails when a route that answers a page is neither here nor in `NO_PAGES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Act = Callable[[Any], None]
"""Brings an opened page of Playwright into its state."""


@dataclass(frozen=True)
class PageState:
    """One page in one state."""

    name: str
    route: str
    """As the handler declares it, without the types of parameters."""
    address: str
    """What is opened; `{names}` are those of `Showcase.ids`."""
    who: str = "owner"
    """owner, viewer, newcomer (the owner in a workspace that is empty) or stranger."""
    act: Act | None = None
    status: int = 200
    trouble: str = ""
    """What is the matter with the product meanwhile (`Showcase.trouble`)."""


def key(keys: str) -> Act:
    """Press a key, and wait for the dialog that it opens."""

    def act(page: Any) -> None:
        page.locator("body").press(keys)
        page.locator("dialog[open]").first.wait_for()

    return act


def builder(*steps: Act) -> Act:
    """Wait for the canvas, then go on."""

    def act(page: Any) -> None:
        page.locator("flow-canvas[data-ready]").wait_for(state="attached")
        for step in steps:
            step(page)

    return act


def shown(selector: str) -> Act:
    """Wait for something."""
    return lambda page: page.locator(selector).first.wait_for()


def opened(selector: str) -> Act:
    """Press the first thing that fits."""
    return lambda page: page.locator(selector).first.click()


def _list(name: str, address: str, *, nothing: str) -> tuple[PageState, ...]:
    """A list with rows, filtered to none (`nothing` is the query), and in an empty workspace."""
    return (
        PageState(name, address, address),
        PageState(f"{name}-filtered", address, f"{address}?{nothing}"),
        PageState(f"{name}-empty", address, address, who="newcomer"),
    )


_FLOW = "/workflows/{workflow_id}"
_BUILDER = "/workflows/{workflow}"
STATES: tuple[PageState, ...] = (
    PageState("home", "/", "/"),
    PageState("home-empty", "/", "/", who="newcomer"),
    PageState("home-account-menu", "/", "/", act=opened(".rail details.menu > summary")),
    PageState("command-palette", "/", "/", act=key("Control+k")),
    PageState("shortcuts", "/", "/", act=key("?")),
    *_list("workflows", "/workflows", nothing="search=zeppelin"),
    PageState("workflows-new", "/workflows", "/workflows?new=1", act=shown("dialog[open]")),
    PageState("workflow-import", "/workflows/import", "/workflows/import"),
    PageState("builder", _FLOW, _BUILDER, act=builder()),
    PageState("builder-tour", _FLOW, "/workflows/{tour}?step=welcome", act=builder(shown("#panel form"))),
    PageState("builder-step", _FLOW, _BUILDER, act=builder(opened(".node.k-logic .card, .node"), shown("#panel form"))),
    PageState("builder-results", _FLOW, _BUILDER + "?mode=results", act=builder(shown("#results-bar select"))),
    PageState("builder-person", _FLOW, _BUILDER + "?mode=person", act=builder(shown("#panel .avatar"))),
    PageState("builder-test", _FLOW, _BUILDER + "?mode=test", act=builder(shown("#panel .ph, #panel h2"))),
    PageState("builder-empty", _FLOW, "/workflows/{draft}", act=builder()),
    PageState(
        "builder-activate",
        _FLOW,
        "/workflows/{small}",
        act=builder(opened(".top [hx-get$='/activation']"), shown("dialog[open]")),
    ),
    PageState("workflow-results", _FLOW + "/stats", _BUILDER + "/stats"),
    PageState("workflow-runs", _FLOW + "/runs", _BUILDER + "/runs"),
    PageState("workflow-versions", _FLOW + "/versions", _BUILDER + "/versions"),
    *_list("runs", "/runs", nothing="status=failed"),
    PageState("run", "/runs/{run_id}", "/runs/{run}"),
    PageState("run-completed", "/runs/{run_id}", "/runs/{completed}"),
    *_list("contacts", "/contacts", nothing="search=zeppelin"),
    PageState("contact", "/contacts/{contact_id}", "/contacts/{contact}"),
    PageState("contact-edit", "/contacts/{contact_id}/edit", "/contacts/{contact}/edit"),
    PageState("contact-new", "/contacts/new", "/contacts/new"),
    PageState("contact-import", "/contacts/import", "/contacts/import"),
    *_list("suppressions", "/suppressions", nothing="search=zeppelin"),
    *_list("segments", "/segments", nothing="search=zeppelin"),
    PageState("segment-new", "/segments/new", "/segments/new"),
    PageState("segment", "/segments/{segment_id}", "/segments/{segment}"),
    *_list("templates", "/templates", nothing="search=zeppelin"),
    PageState("template-new", "/templates/new", "/templates/new"),
    PageState("template", "/templates/{template_id}", "/templates/{template}"),
    *_list("messages", "/messages", nothing="status=uncertain"),
    PageState("message", "/messages/{text}", "/messages/{message}"),
    PageState("mailbox", "/mailbox", "/mailbox"),
    PageState("mail", "/mailbox/{mail_id}", "/mailbox/{mail}"),
    PageState("connectors", "/connectors", "/connectors"),
    PageState("connector-kinds", "/connectors/new", "/connectors/new"),
    PageState("connector-new", "/connectors/new", "/connectors/new?type=smtp"),
    PageState("connector", "/connectors/{connector_id}", "/connectors/{connector}"),
    PageState("held-runs", "/held-runs", "/held-runs"),
    PageState("events-set-aside", "/dead-letters", "/dead-letters"),
    PageState("settings-profile", "/settings/profile", "/settings/profile"),
    PageState("settings-workspace", "/settings/workspace", "/settings/workspace"),
    PageState("settings-people", "/settings/users", "/settings/users"),
    PageState("settings-sessions", "/settings/sessions", "/settings/sessions"),
    PageState("settings-sessions-of-a-person", "/settings/users/{user_id}/sessions", "/settings/users/{user}/sessions"),
    PageState("settings-keys", "/settings/keys", "/settings/keys"),
    PageState("settings-data", "/settings/data", "/settings/data"),
    PageState("settings-code", "/settings/code", "/settings/code"),
    PageState("settings-webhooks", "/settings/webhooks", "/settings/webhooks"),
    PageState("settings-webhook", "/settings/webhooks/{endpoint_id}", "/settings/webhooks/{endpoint}"),
    PageState("sign-in", "/sign-in", "/sign-in", who="stranger"),
    PageState("sign-in-help", "/sign-in/help", "/sign-in/help", who="stranger"),
    PageState("sign-in-link", "/sign-in/link", "/sign-in/link", who="stranger"),
    PageState("invitation", "/invitation", "/invitation", who="stranger"),
    PageState("unsubscribe", "/u/{token}", "{unsubscribe}", who="stranger"),
    PageState("unsubscribe-unknown", "/u/{token}", "/u/unknown", who="stranger", status=404),
    PageState("error-403", "/settings/keys", "/settings/keys", who="viewer", status=403),
    PageState("error-404", "/", "/nowhere", status=404),
    PageState("error-404-stranger", "/", "/nowhere", who="stranger", status=404),
    PageState("error-500", "/suppressions", "/suppressions", status=500, trouble="broken"),
    PageState("error-503", "/templates", "/templates", status=503, trouble="locked"),
    PageState("api", "/docs/api", "/docs/api", who="stranger"),
    PageState("api-search", "/docs/api", "/docs/api?q=pause", who="stranger"),
    PageState("api-resource", "/docs/api/{resource}", "/docs/api/contacts", who="stranger"),
    PageState("api-schema", "/docs/api/schemas/{name}", "/docs/api/schemas/Node", who="stranger"),
)

NO_PAGES: dict[str, str] = {
    "/session/return": "a line for who signed in again in another window",
    "/settings/webhooks/{endpoint_id}/deliveries/{delivery_id}": "needs a delivery; e2e/test_webhook_endpoints.py",
    "/contacts/import/{import_id}": "needs a file; e2e/test_contacts.py",
    "/segments/{segment_id}/change": "needs a segment in use; e2e/test_segment_in_use.py",
    "/workflows/{workflow_id}/nodes/{node_id}/message": "a part of the builder",
}
"""Routes that answer a page and stand not in STATES, and why. More of them are refused by the test, as are those that are no more."""

PARTS = frozenset(
    {
        "/connectors/{connector_id}/push-snippet",
        "/contacts/{contact_id}/devices",
        "/contacts/{contact_id}/segments",
        "/contacts/{contact_id}/start/fields",
        "/dates/preview",
        "/find",
        "/held-runs/jobs",
        "/lists/{list_name}/jobs",
        "/messages/jobs",
        "/runs/{run_id}/again",
        "/runs/{run_id}/again/{new_run_id}",
        "/schedules/preview",
        "/segments/{segment_id}/rule",
        "/shortcuts",
        "/troubles/banner",
        "/workflows/{workflow_id}/activation",
        "/workflows/{workflow_id}/cards",
        "/workflows/{workflow_id}/dates",
        "/workflows/{workflow_id}/draft",
        "/workflows/{workflow_id}/enrolments",
        "/workflows/{workflow_id}/nodes/{node_id}/panel",
        "/workflows/{workflow_id}/panel",
        "/workflows/{workflow_id}/people",
        "/workflows/{workflow_id}/people/{run_id}",
        "/workflows/{workflow_id}/results",
        "/workflows/{workflow_id}/results/{node_id}",
        "/workflows/{workflow_id}/runs/new",
        "/workflows/{workflow_id}/sample-texts",
        "/workflows/{workflow_id}/test/sample",
        "/workflows/{workflow_id}/triggers/{trigger_id}/poll",
        "/workflows/{workflow_id}/triggers/{trigger_id}/webhook",
        "/workflows/{workflow_id}/version-menu",
    }
)
"""Routes that answer a part of a page, which the state of that page shows."""
