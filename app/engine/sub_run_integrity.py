"""What must hold of called runs after every fault, as checks of `app.engine.integrity`."""

from __future__ import annotations

from app.inbox import InboxKind

AWAITS_CALLED = """
(exists (select from sub_runs s where s.tenant_id = r.tenant_id and s.parent_run_id = r.id and s.parent_seq = r.seq + 1
  and s.awaited and s.ended_at is null)
or exists (select from enrolments e where e.tenant_id = r.tenant_id and e.run_id = r.id and e.seq = r.seq + 1 and e.awaited
  and e.next_at is not null))
"""
"""Of a run `r`: what its step has called is to be over one day, and tells it."""
CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "I1",
        "a called run that is not over is under way, or will begin",
        f"""
        select s.run_id, 'called by ' || s.parent_run_id from sub_runs s where s.ended_at is null
          and not exists (select from active_runs r where r.tenant_id = s.tenant_id and r.id = s.run_id)
          and not exists (select from inbox i where i.tenant_id = s.tenant_id and i.run_id = s.run_id and i.kind = {InboxKind.CALLED:d})
          and not exists (select from waiting_starts w where w.tenant_id = s.tenant_id and w.run_id = s.run_id)
        """,
    ),
)
