"""Who may do what with which table: one line a table, from which the grants and the policies of a database are made.

`app.ops.database_access` brings a database to it after each run of the migrations, so a new table needs its line here and nothing in
its migration. `tests/models/test_access.py` fails when a table has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from app.lib.database_roles import SETTING, DatabaseRole

Rights = Mapping[str, tuple[str, ...]]
"""Verbs of GRANT, in capitals, each with the columns that it is about; none: the whole table."""
OWNER, WEB, AUTH, ENGINE, READ = (
    DatabaseRole.OWNER, DatabaseRole.WEB, DatabaseRole.AUTH, DatabaseRole.ENGINE, DatabaseRole.READ,
)  # fmt: skip
_VERBS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
_ALL = "rawd"


class TableAccess(NamedTuple):
    """What each role may do with a table. `workspace`: the column that says whose a row is; None where rows are of no workspace."""

    rights: Mapping[DatabaseRole, Rights]
    workspace: str | None = None

    @property
    def policies(self) -> dict[str, tuple[tuple[DatabaseRole, ...], str]]:
        """By the policy's name the roles that it is for, and which rows they see and write. None where rows are of no workspace.

        `tl_engine` bypasses them: it works for all workspaces at once, and writes by COPY, which tables with policies refuse.
        """
        if self.workspace is None:
            return {}
        everything = tuple(role for role in (OWNER, AUTH) if role is OWNER or role in self.rights)
        return {"of_workspace": ((WEB, READ), f"{self.workspace} = {_CURRENT}"), "everything": (everything, "true")}


# Not set, the setting is null, or "" on a connection that had it set before: no workspace is number 0. As a subselect it is read once.
_CURRENT = f"(select coalesce(nullif(current_setting('{SETTING}', true), '')::int, 0))"


def _rights(letters: str) -> Rights:
    return {_VERBS[letter]: () for letter in letters}


def _of_workspace(web: str = _ALL, *, engine: str = _ALL, auth: str = "", read: str = "r") -> TableAccess:
    """A table with the workspace in `tenant_id`: letters of what `tl_web` and others may do with rows of the workspace."""
    by_role = {WEB: web, ENGINE: engine, AUTH: auth, READ: read}
    return TableAccess({role: _rights(letters) for role, letters in by_role.items() if letters}, "tenant_id")


def _of_installation(**letters: str) -> TableAccess:
    """A table that stands above workspaces."""
    return TableAccess({DatabaseRole[role.upper()]: _rights(allowed) for role, allowed in letters.items()})


def _accounts(**columns: tuple[str, ...]) -> TableAccess:
    """A table of accounts: `tl_auth` alone, and others read the columns that are named."""
    others = {DatabaseRole[role.upper()]: {"SELECT": names} for role, names in columns.items()}
    return TableAccess({AUTH: _rights(_ALL), **others})


ACCESS: dict[str, TableAccess] = {
    "active_runs": _of_workspace(),
    "activity_hours": _of_workspace("r"),
    "attribute_labels": _of_workspace(),
    "bulk_job_batches": _of_workspace(read=""),
    "bulk_jobs": _of_workspace(read=""),
    "calls": _of_workspace(),
    "connector_gates": _of_workspace(read=""),
    "connectors": _of_workspace(auth="r"),
    "contact_devices": _of_workspace(),
    "contact_import_chunks": _of_workspace(read=""),
    "contact_import_errors": _of_workspace(read=""),
    "contact_imports": _of_workspace(),
    "contact_tags": _of_workspace(),
    "contacts": _of_workspace(),
    "crashes": _of_workspace("rd", read=""),
    "date_schedules": _of_workspace("r"),
    "dead_letters": _of_workspace(),
    "draft_changes": _of_workspace(),
    "due_dates": _of_workspace("rd"),
    "ended_runs": _of_workspace(),
    "enrolments": _of_workspace(),
    "entries": _of_workspace("rd"),
    "entry_paces": _of_workspace("r"),
    "entry_refusals": _of_workspace(),
    "event_deliveries": _of_workspace(),
    "event_keys": _of_workspace(),
    "event_sinks": _of_installation(web="r", engine=_ALL),
    "events": _of_workspace(),
    "folders": _of_workspace(),
    "held_run_jobs": _of_workspace(),
    "history_starts": _of_workspace("r"),
    "idempotency_keys": _of_workspace(auth=_ALL, read=""),
    "inbound_messages": _of_workspace(),
    "inbox": _of_workspace(),
    "list_columns": _of_workspace(),
    "list_views": _of_workspace(),
    "live_listeners": _of_workspace("r"),
    "live_moves": _of_workspace("ra"),
    "mail_counts": _of_workspace(),
    "mailbox_messages": _of_workspace(),
    "message_decisions": _of_workspace(),
    "message_jobs": _of_workspace(),
    "message_reports": _of_workspace(),
    "messages": _of_workspace(),
    "node_stats": _of_workspace("raw"),
    "polled_rows": _of_workspace("r"),
    "polls": _of_workspace("r"),
    "retired_stats": _of_workspace("raw"),
    "outbound_calls": _of_workspace(),
    "run_logs": _of_workspace(),
    "schedule_epochs": _of_workspace(),
    "schedule_firings": _of_workspace(),
    "schedules": _of_workspace(),
    "segment_days": _of_workspace(),
    "segment_members": _of_workspace(),
    "segment_numbers": _of_workspace("raw"),
    "segments": _of_workspace(),
    "sink_events": _of_workspace(),
    "split_exposures": _of_workspace("rd"),
    "step_attempts": _of_workspace(),
    "step_changes": _of_workspace(read=""),
    "segment_builds": _of_workspace("raw"),
    "segment_fact_definitions": _of_workspace("raw"),
    "segment_facts": _of_workspace("rd"),
    "event_history": _of_workspace("rd"),
    "segment_state": _of_workspace("rd"),
    "service_hosts": _of_workspace("rd"),
    "stalls": _of_workspace("rd"),
    "steps": _of_workspace(),
    "sub_runs": _of_workspace(),
    "suppressions": _of_workspace(),
    "templates": _of_workspace(),
    "unmatched_reports": _of_workspace("rad", read=""),
    "waiting_starts": _of_workspace("rd"),
    "wakes": _of_workspace(),
    "webhook_deliveries": _of_workspace(),
    "webhook_endpoints": _of_workspace(read=""),
    "webhook_payloads": _of_workspace(read=""),
    "webhooks": _of_workspace(read=""),
    "workflow_epochs": _of_workspace("raw", auth="raw"),
    "workflow_samples": _of_workspace(read=""),
    "workflow_versions": _of_workspace(),
    "workflows": _of_workspace(),
    "workspaces": TableAccess(
        {
            AUTH: _rights(_ALL),
            WEB: {"SELECT": (), "UPDATE": ("settings", "updated_at")},
            ENGINE: {"SELECT": (), "UPDATE": ("settings", "updated_at")},
            READ: _rights("r"),
        },
        "id",
    ),
    "account_mails": TableAccess({AUTH: _rights(_ALL), ENGINE: _rights("rwd")}),
    "api_keys": _accounts(
        engine=("id", "tenant_id", "revoked_at", "expires_at", "role", "scopes", "created_by", "created_by_key")
    ),
    "invitations": _accounts(),
    "memberships": _accounts(engine=("tenant_id", "user_id", "role")),
    "sessions": _accounts(),
    "sign_in_failures": _accounts(),
    "sign_in_links": _accounts(),
    "users": _accounts(engine=("id", "disabled_at")),
    "alembic_version": _of_installation(web="r", auth="r", engine="r", read="r"),
    "batches": _of_installation(engine=_ALL),
    "heartbeats": _of_installation(web="r", engine=_ALL),
    "leaving_months": _of_installation(engine=_ALL, web="r"),
    "secret_keys": _of_installation(engine="raw"),
    "virtual_clock": _of_installation(web="r", auth="r", engine="r", read="r"),
}
"""By table. Rights on a table by month are those of the whole: nobody but the owner reaches a month by its own name."""
FUNCTIONS: dict[str, tuple[DatabaseRole, ...]] = {
    "contacts_found(int, text[], int)": (WEB, ENGINE, READ),
    "suppressions_found(int, text[], int)": (WEB, ENGINE, READ),
}
"""Functions that work with the rights of the owner, and who may call them."""
VIEWS: dict[str, TableAccess] = {"runs": _of_installation(web="r", engine="r", read="r")}
"""Views are read with the rights of who reads them (`security_invoker`), so what they show is a matter of their tables."""
