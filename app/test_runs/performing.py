"""A call that a test makes, by the performer that workers have, and its answer as a worker would write it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from app.engine.call_answers import answer_text, failed_answer
from app.flow.performers import (
    CallFailed,
    CallUncertain,
    CallWithheld,
    PlacedCall,
    RecordedAnswer,
    ServiceSign,
    performed_kinds,
)
from app.lib import held_connections
from app.lib.translation import gettext


async def performed_answer(call: PlacedCall, signs: list[ServiceSign]) -> dict[str, Any]:
    """The answer of a call as a worker would write it. What it says of its service is put into `signs`."""
    performer = performed_kinds()[call.kind].performer()
    try:
        with held_connections.outside_call("a call that a test makes"):
            value = await asyncio.wait_for(performer.perform(call), call.timeout_s)
    except (CallFailed, CallUncertain) as error:
        signs += [error.sign] if error.sign else []
        return failed_answer(str(error), permanent=True)
    except CallWithheld as error:
        return failed_answer(str(error), permanent=True)
    except TimeoutError:
        return failed_answer(gettext("There was no answer in time."), permanent=True)
    finally:
        await performer.close()
    if isinstance(value, RecordedAnswer):
        signs += [value.sign] if value.sign else []
        value = value.value
    answer: dict[str, Any] = msgspec.json.decode(answer_text({"ok": True, "value": value}))
    return answer
