"""How the packages of app/ stand on each other, and which files may do what only few may."""

from __future__ import annotations

LEVELS = (
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
"""From the top down: a module may import what stands below it, never what stands above. A longer name is looked for first."""

ANYBODY = {"app.accounts.principal", "app.accounts.guards"}
"""Who asks, and what they may: every page and API handler reads it."""

NEIGHBOURS = {
    ("contacts", "app.events"): "a change of a contact is an event",
    ("contacts", "app.messaging.suppression"): "a contact's page shows and changes whether they may be mailed",
    ("messaging", "app.connectors"): "the gateway sends through a connector",
    ("messaging", "app.contacts"): "consent is read in the transaction before the send",
    ("messaging", "app.events.record"): "an unsubscribe is an event",
    ("events", "app.contacts"): "an event finds or makes its contact",
    ("messaging", "app.workflows.usage"): "a template that a workflow uses stays",
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
