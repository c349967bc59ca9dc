"""How the packages of app/ stand on each other, and which files may do what only few may. The lists of what is left only shrink."""

from __future__ import annotations

from tests.architecture.rules import Levels

LEVELS = Levels(
    (
        {"asgi", "worker", "scheduler", "cli"},
        {"ops"},
        {"features", "installed_types", "local", "demo"},
        {"event_sinks"},
        {"workflow_files"},
        {"segments"},
        {"builder", "reference"},
        {"poll_views", "webhooks", "executions", "webhook_endpoints", "callbacks", "devices"},
        {"held_runs", "live"},
        {"triggers", "insights", "system", "test_runs", "finder"},
        {"runs", "retention", "troubles"},
        {"approvals"},
        {"engine"},
        {"workflows"},
        {"schedules"},
        {"polls"},
        {"dates"},
        {"enrolments"},
        {"messaging"},
        {"outside"},
        {"mailbox"},
        {"message_templates"},
        {"connectors", "contacts", "code_steps"},
        {"subscriptions"},
        {"events", "usage", "folders", "card_title_repository"},
        {"lists"},
        {"accounts"},
        {"membership"},
        {"segment_member_repository", "contact_inbox_repository"},
        {"inbox", "wakes", "turns", "idempotency", "counters", "history_start_repository"},
        {"domain_events", "inbox_lane", "live_moves"},
        {"nodes", "triggers.types", "messaging.channels"},
        {"flow"},
        {"values"},
        {"models"},
        {"liquid"},
        {"web"},
        {"lib"},
        {"errors", "settings"},
        {"bus_settings"},
    )
)
"""From the top down: a module may import what stands below it, never what stands above. A longer name is looked for first."""

COMMITS = ["lib/database.py", "lib/held_connections.py", "engine/"]
"""Who commits: one module for sessions, one that releases the connection of a session, and the engine its batches."""
ENVIRONMENT = ["settings.py", "local/environment.py"]
CLIENTS = ["lib/http_client.py", "lib/http_connections.py"]
"""One client for all calls: its guard and its bounds are nobody's to forget."""
STATEMENTS = [
    "*repository.py",
    "engine/",
    "models/",
    "inbox.py",
    "lib/heartbeat.py",
    "lib/virtual_clock.py",
    "live_moves.py",
    "local/frozen_processes.py",
    "local/mailbox.py",
    "local/postgres.py",
    "local/schema.py",
    "messaging/ceilings.py",
    "messaging/decisions.py",
    "messaging/deliveries.py",
    "messaging/holds.py",
    "messaging/ledger.py",
    "messaging/queue.py",
    "messaging/send_context.py",
    "ops/backup.py",
    "ops/probe.py",
    "ops/restore.py",
    "subscriptions/permission_filter.py",
    "usage.py",
    "wakes.py",
    "lib/postgres_client.py",
]
"""Repositories, the engine and the models. What else there is, and why it is no repository: `inbox`, `live_moves`, `usage` and `wakes`
stand below all features and serve both drivers; `lib/postgres_client` reads databases of others; `messaging/` is the set-based SQL of
sending, in the order in which a pass runs it;
`subscriptions/permission_filter` is a condition for the queries of others; `lib/heartbeat` and `lib/virtual_clock` speak with the
database before any model is known; `local/` and `ops/` administer databases, schemas and dumps."""
_STEPS = ("app/nodes/", "app/demo/", "app/builder/starter_templates.py")
_TRIGGERS = (
    "app/triggers/types/",
    "app/demo/",
    "app/builder/starter_templates.py",
    "app/flow/document.py",  # the type of a trigger in a document that names none
)
TYPES = {
    **dict.fromkeys(
        (
            "send_email",
            "delay",
            "condition",
            "end",
            "add_tag",
            "remove_tag",
            "update_contact",
            "emit_event",
            "transform",
            "set_variable",
            "add_to_segment",
            "remove_from_segment",
            "goto",
            "error_handler",
            "fallback",
        ),
        _STEPS,
    ),
    **dict.fromkeys(("wait_until", "wait_for_event", "time_window"), _STEPS),
    **dict.fromkeys(("event", "manual", "segment_entry", "segment_exit", "schedule"), _TRIGGERS),
    "webhook": (*_TRIGGERS, "app/nodes/http_request.py"),  # a step of this name is read as an HTTP request
    "smtp": ("app/messaging/channels/email/", "app/demo/"),
}
"""Names of types, and who may say them: their modules, and documents that are written down."""

SPAM_REPORTS = {
    "app/callbacks/__init__.py",
    "app/callbacks/consequences.py",
    "app/messaging/channels/email/mailgun.py",
    "app/messaging/channels/email/postmark.py",
    "app/messaging/channels/email/ses.py",
    "app/contacts/imports/mapping_form.py",
    "app/contacts/imports/optout_words.py",
    "app/contacts/imports/optouts.py",
}
"""Files that speak of complaints: what recipients report as spam, and nothing else."""
