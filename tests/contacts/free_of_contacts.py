"""Tables and columns that hold nothing of a contact, each with why."""

from __future__ import annotations

FREE_TABLES = {
    "account_mails": "mails to people who sign in",
    "api_keys": "keys of programs",
    "attribute_labels": "what the workspace calls its fields",
    "batches": "ids of what a worker walks, for seconds",
    "connectors": "credentials and the server's state",
    "contact_import_chunks": "a file that waits for its import to be started, at most a day",
    "draft_changes": "what marketers drew",
    "enrolments": "which segment, and the words and inputs of a trigger",
    "heartbeats": "processes",
    "held_run_jobs": "a filter by ids and words, and the user who asked",
    "history_starts": "names of rules and instants",
    "idempotency_keys": "sealed answers for the program that had them already, for a day",
    "invitations": "people who will sign in",
    "webhooks": "the address of a trigger and what signs its calls",
    "webhook_deliveries": "ids that senders give their deliveries, for three days",
    "leaving_months": "names of months",
    "memberships": "people who sign in",
    "message_jobs": "a filter by ids, and the user who asked",
    "node_stats": "numbers",
    "retired_stats": "numbers",
    "schedule_epochs": "numbers",
    "schedule_firings": "instants",
    "schedules": "what marketers wrote, and instants",
    "secret_keys": "fingerprints",
    "segment_builds": "numbers",
    "segment_fact_definitions": "what marketers count",
    "segment_days": "numbers",
    "segment_numbers": "numbers",
    "segments": "what marketers wrote",
    "sessions": "people who sign in",
    "sign_in_failures": "hashes of people who sign in",
    "sign_in_links": "people who sign in",
    "templates": "what marketers wrote",
    "users": "people who sign in",
    "workflow_versions": "what marketers drew",
    "workflows": "what marketers drew",
    "workspaces": "the workspace itself",
}
FREE_COLUMNS = {
    "contact_imports.filename": "how the workspace calls its file",
    "contact_imports.status": "a word",
    "contact_imports.error": "why the whole file stopped",
    "message_decisions.act": "a word",
    "message_decisions.by_kind": "a word",
    "message_decisions.by_name": "the user who decided",
    "message_decisions.was_reason": "a word",
    "messages.node_id": "a step's id",
    "messages.payload": "what the step says to every contact: overrides of the template, not yet filled in",
    "messages.reason": "a word",
    **{
        f"{table}.{column}": why
        for table in ("active_runs", "ended_runs")
        for column, why in (
            ("current_node_id", "a step's id"),
            ("goal_reached_id", "a goal's id"),
            ("resume_port", "a port's name"),
            ("trigger_id", "a trigger's id"),
            ("waits_for", "the name of an event"),
        )
    },
    "steps.node_id": "a step's id",
    "steps.port": "a port's name",
    "suppressions.address": "outlives the contact on purpose: nobody may write to it",
    "suppressions.reason": "a word",
    "suppressions.lifted_by": "the user who lifted it",
}
"""Why each holds nothing of a contact. What is in neither list has a mark on its model: `app.models.personal`."""
