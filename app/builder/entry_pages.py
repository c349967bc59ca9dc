"""What the rules of entry come to, in words, while somebody sets them in the panel of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.flow.entry_limits import is_liquid
from app.flow.entry_words import limit_sentences, waiting_sentence
from app.flow.sample_texts import FilledText, SampleStep, fill_in
from app.flow.settings import FlowSettings
from app.flow.trigger_registry import typed
from app.lib import held_connections, sandbox
from app.lib.conversions import as_date
from app.lib.zones import zone_of
from app.message_templates.service import share_of
from app.models.status import Role
from app.web.fragments import page
from app.workflows.preview import reentry_in_words
from app.workflows.service import WorkflowService

_NUMBERS = ("cooldownSeconds", "maxEntries", "rateLimitPerMinute", "rateLimitMaxConcurrent")
_TEXTS = ("reentry", "cooldownFrom", "entryKey", "timezone")
_MOMENTS = ("activeFrom", "activeUntil")


def moments(settings: FlowSettings, workspace_zone: str) -> dict[str, dict[str, str]]:
    """The dates of settings as their two fields show them: `date` and `time`, as clocks of their zone show them; empty without one."""
    zone = zone_of(settings.timezone, workspace_zone)
    shown = {}
    for name, value in zip(_MOMENTS, (settings.active_from, settings.active_until), strict=True):
        moment = as_date(value) if isinstance(value, str) else None
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            moment = moment.astimezone(zone)
        day = "" if moment is None else f"{moment:%Y-%m-%d}"
        clock = ""
        if isinstance(moment, datetime):  # a program may have set seconds, which saving the form must not lose
            clock = moment.time().isoformat("auto" if moment.second or moment.microsecond else "minutes")
        shown[name] = {"date": day, "time": clock}
    return shown


def settings_of(form: Mapping[str, Any]) -> FlowSettings:
    """The rules of entry as a form has them; a field that holds nothing that fits is left out."""
    texts_sent = {name: str(form.get(f"settings.{name}") or "").strip() for name in (*_NUMBERS, *_TEXTS, *_MOMENTS)}
    values: dict[str, Any] = {name: texts_sent[name] for name in (*_TEXTS, *_MOMENTS) if texts_sent[name]}
    values |= {
        name: int(texts_sent[name]) for name in _NUMBERS if texts_sent[name].isascii() and texts_sent[name].isdigit()
    }
    for name in _MOMENTS:
        if name in values and (time := str(form.get(f"{name}Time") or "").strip()):
            values[name] = f"{values[name]}T{time}"
    fitting: dict[str, Any] = {}
    for name, value in values.items():
        try:
            msgspec.convert({name: value}, FlowSettings)
        except msgspec.ValidationError:
            continue
        fitting[name] = value
    return msgspec.convert(fitting, FlowSettings)


@post("/workflows/{workflow_id:uuid}/entry-rules", role=Role.VIEWER, status_code=200)
async def show_entry_rules(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
) -> Template:
    """A sentence for each rule, how long those take who come at once, and the entry key for the newest contact and event."""
    form: FormMultiDict = await request.form()
    settings = settings_of(form)
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    people = await form_options.audience(flow.triggers)
    names = [name for trigger in flow.triggers for kind, config in [typed(trigger)] for name in kind.subscribes(config)]
    who, sample = await form_options.sample(names, workflow_id=workflow_id)
    await held_connections.release_connection(form_options.session)
    sentences = [reentry_in_words(settings), *limit_sentences(settings, request.user.timezone)]
    sentences += [sentence for sentence in [waiting_sentence(people, settings)] if sentence]
    key = await _key(settings, sample, share_of(request.user))
    return page(request, "builder/entry_words.html", sentences=sentences, key=key, who=who, event=sample.event_name)


async def _key(settings: FlowSettings, sample: SampleStep, share: Any) -> FilledText | None:
    """The entry key as it comes out for a sample; None where there is none."""
    key = settings.entry_key
    if not isinstance(key, str) or not key:
        return None
    try:
        texts = await sandbox.run(fill_in, [key if is_liquid(key) else f"{{{{ {key} }}}}"], sample, share=share)
    except (sandbox.TooCostly, sandbox.Busy):
        return None
    return texts[0] if texts else None


ROUTES = [show_entry_rules]
