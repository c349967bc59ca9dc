"""A workflow's rule for uncertain messages about which nobody decides in time.

`settings.uncertain` of a version, `{"then": …, "after": {duration, unit}}`, is compiled into the payload of each message that the version
queues, so a message keeps the rule of its version. `hold`, the default, is written nowhere: the message stays for a person.
"""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from app.counters.message_counters import AWAITED
from app.flow.settings import Span, UncertainRule
from app.lib.translation import gettext, translatable

UNCERTAIN_RULE = "uncertain"
"""In the payload of a message: what is done, after how many seconds, and that time in words."""
HOLD, ASSUME_SENT, RESEND, ERROR = "hold", "assume_sent", "resend", "error"

APPLIES = f"""
(m.payload ? '{UNCERTAIN_RULE}' and not (m.payload->'{UNCERTAIN_RULE}'->>0 = '{RESEND}' and m.resent_at is not null))
"""
"""Is there a rule for message `m`? A message is sent again by rule once, and only if nobody did so before: then a person is asked."""
REPORT_DECIDES = "(m.reported > 0 and m.resent_at is null)"
"""Has the provider reported about message `m` before its own worker could, so that no doubt is left? Not of one that was sent again."""
LIMIT = f"""
case when {REPORT_DECIDES} then clock_now()
  when {APPLIES} then clock_now() + (m.payload->'{UNCERTAIN_RULE}'->>1)::float8 * interval '1 second'
  when m.payload ? '{AWAITED}' then clock_now() + %(hours)s * interval '1 hour' end
"""
"""When a message `m` that becomes uncertain now is decided: at once if its provider has reported about it, else by its rule, or its run
waits no longer."""


def rule_of(rule: UncertainRule | UnsetType | None) -> list[Any] | None:
    """The payload's part for messages of a version with this `settings.uncertain`; None for `hold`."""
    if not isinstance(rule, UncertainRule) or rule.then == HOLD or not isinstance(rule.after, Span):
        return None
    return [rule.then, rule.after.seconds, rule.after.words]


def then_of(payload: dict[str, Any] | None, *, resent: bool) -> str:
    """What the rule of an uncertain message says: `hold` without one, and where it was sent again already."""
    then = str(((payload or {}).get(UNCERTAIN_RULE) or [HOLD])[0])
    return HOLD if then == RESEND and resent else then


def then_in_words(payload: dict[str, Any] | None, *, resent: bool) -> str:
    """A clause for what happens to an uncertain message when nobody decides; '' when nothing does."""
    then = then_of(payload, resent=resent)
    waits = bool((payload or {}).get(AWAITED))
    return gettext(_CLAUSES.get(then, _LEAVES if waits else ""))


_CLAUSES = {
    ASSUME_SENT: translatable("it counts as sent"),
    RESEND: translatable("it is sent again"),
    ERROR: translatable("it counts as failed"),
}
_LEAVES = translatable("its run leaves by Error")
