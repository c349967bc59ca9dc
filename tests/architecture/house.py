"""How the packages of app/ stand on each other, and which files may do what only few may. The lists of what is left only shrink."""

from __future__ import annotations

from tests.architecture.rules import Levels

LEVELS = Levels(
    (
        {"asgi", "worker", "scheduler", "cli", "features", "local", "ops", "demo", "reference"},
        {"builder"},
        {"triggers", "insights", "system"},
        {"runs", "retention", "simulate", "troubles"},
        {"engine"},
        {
            "workflows",
            "contacts",
            "segments",
            "message_templates",
            "mailbox",
            "messaging",
            "connectors",
            "accounts",
            "events",
        },
        {"inbox", "idempotency"},
        {"nodes", "triggers.types", "messaging.channels"},
        {"flow"},
        {"values"},
        {"models"},
        {"web"},
        {"lib", "errors", "settings"},
    )
)
"""From the top down: a module may import what stands below it, never what stands above. A longer name is looked for first."""

ANYBODY = {"app.accounts.principal", "app.accounts.guards", "app.accounts.deps"}
"""Who asks, what they may, and what is made in their name: every page and API handler reads it."""

NEIGHBOURS = {
    ("contacts", "app.events"): "a change of a contact is an event",
    ("contacts", "app.messaging.suppression_list"): "a file of opt-outs and an upsert know who is listed",
    ("contacts", "app.messaging.suppression"): "a contact's page shows and changes whether they may be mailed",
    ("messaging", "app.connectors"): "the gateway sends through a connector",
    ("messaging", "app.contacts"): "consent is read in the transaction before the send",
    ("messaging", "app.events.record"): "an unsubscribe is an event",
    ("events", "app.contacts"): "an event finds or makes its contact",
    (
        "connectors",
        "app.messaging.suppression",
    ): "a test mail asks whether its address may be written to, as every mail does",
    ("connectors", "app.workflows.usage"): "a connector that a workflow uses stays",
    ("workflows", "app.contacts.known_names"): "does any contact have the field that a step reads?",
    ("workflows", "app.messaging"): "does the template of a node exist? and messages that a pause held are freed",
    ("flow", "app.nodes"): "the registry imports what it finds there",
    ("flow", "app.triggers.types"): "the registry of triggers imports what it finds there",
    ("mailbox", "app.message_templates"): "a mail is framed as a preview is",
    ("message_templates", "app.messaging.suppression"): "a preview says whether its contact may be written to",
    ("message_templates", "app.workflows.usage"): "a template that a workflow uses stays",
    ("message_templates", "app.connectors"): "a test goes out through the default connector",
    ("message_templates", "app.contacts.known_names"): "does any contact have the field that a template reads?",
    ("message_templates", "app.contacts.repository"): "a preview is for a contact",
    ("messaging", "app.mailbox.repository"): "the page of a message shows its mail in the local mailbox",
    ("messaging", "app.message_templates"): "a mail is rendered from its template",
}
"""Imports between packages of one level, each with its reason. The package's `__init__` says it too."""

STILL_IN_CIRCLES = {
    "cli ↔ local ↔ ops",
    "connectors ↔ contacts ↔ events ↔ mailbox ↔ message_templates ↔ messaging ↔ workflows",
    "flow ↔ nodes ↔ triggers.types",
}
"""Circles of packages from before the rule. The list only shrinks."""

COMMITS = ["lib/database.py", "lib/holding.py", "engine/"]
"""Who commits: one module for sessions, one for work that gives its connection back, and the engine its batches."""
ENVIRONMENT = ["settings.py", "local/environment.py"]
CLIENTS: list[str] = []
"""Nobody has an HTTP client yet."""
STATEMENTS = [
    "*repository.py",
    "engine/",
    "models/",
    "accounts/account_mail.py",
    "accounts/authentication.py",
    "accounts/invitations.py",
    "accounts/keys.py",
    "accounts/sessions.py",
    "accounts/sign_in_links.py",
    "accounts/throttle.py",
    "builder/form_options.py",
    "connectors/releases.py",
    "connectors/state.py",
    "contacts/erasure.py",
    "contacts/history.py",
    "contacts/imports/runner.py",
    "contacts/jobs.py",
    "contacts/known_names.py",
    "contacts/labels.py",
    "contacts/permission_filter.py",
    "events/people.py",
    "inbox.py",
    "lib/heartbeat.py",
    "lib/virtual_clock.py",
    "local/mailbox.py",
    "local/postgres.py",
    "local/schema.py",
    "messaging/account_mail.py",
    "messaging/bulk.py",
    "messaging/ceilings.py",
    "messaging/decisions.py",
    "messaging/holds.py",
    "messaging/jobs.py",
    "messaging/ledger.py",
    "messaging/queue.py",
    "messaging/send_context.py",
    "messaging/suppression_list.py",
    "ops/backup.py",
    "ops/probe.py",
    "ops/restore.py",
    "system/health.py",
    "system/secret_keys.py",
    "workflows/run_counters.py",
    "workflows/usage.py",
]
"""Repositories, the engine, and modules that are the store of one noun or SQL of the hot path."""
STILL_TWICE: set[str] = set()
"""Public names that stand for two things."""
STILL_LONG = {
    "app.accounts.authentication.key_principal",
    "app.accounts.authentication.session_principal",
    "app.contacts.upserting.upsert_many",
    "app.engine.compiled.__init__",
    "app.engine.walk._leave",
    "app.runs.service.detail",
    "app.settings._read",
}
STILL_WIDE = 521
_STEPS = ("app/nodes/", "app/demo/", "app/builder/starter_templates.py")
TYPES = {
    **dict.fromkeys(("send_email", "delay", "condition", "end", "add_tag", "remove_tag", "update_contact"), _STEPS),
    **dict.fromkeys(("event", "manual"), ("app/triggers/types/", "app/demo/", "app/builder/starter_templates.py")),
    "smtp": ("app/messaging/channels/email/", "app/demo/"),
}
"""Names of types, and who may say them: their modules, and documents that are written down."""

STILL_NAMED = {
    ("app/contacts/timeline.py", "event"),
    ("app/flow/document.py", "event"),
    ("app/lib/logs.py", "event"),
    ("app/templates/builder/workflow_panel.html", "event"),
}
"""Files that name a type of another module."""
