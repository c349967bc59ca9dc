"""What must hold of runs that are to begin, after every fault: of those who wait to enter, and of what runs call."""

from __future__ import annotations

from app.engine import sub_run_integrity

CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "I1",
        "a contact that waits to enter exists and is not inside",
        """
        select w.workflow_id, 'contact ' || w.contact_id from waiting_starts w where w.contact_id is not null and (
          not exists (select from contacts c where c.tenant_id = w.tenant_id and c.id = w.contact_id)
          or exists (select from active_runs r where (r.tenant_id, r.contact_id, r.workflow_id, r.entry_key)
            = (w.tenant_id, w.contact_id, w.workflow_id, w.entry_key)))
        """,
    ),
    *sub_run_integrity.CHECKS,
)
