"""Pages of templates: the list with small pictures, and the editor with its live preview."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app import usage
from app.accounts.deps import AppRequest, Database
from app.errors import AppError, FieldError, Invalid, NotFound, TooMany
from app.folders.shelved import in_form
from app.lib.formats import number
from app.lib.translation import gettext
from app.liquid.templates import filter_names
from app.message_templates import list_pages
from app.message_templates.content import content_form, shown_content
from app.message_templates.insertable import insertable_extras, insertable_fields
from app.message_templates.mail_view import framed
from app.message_templates.schemas import NewTemplate, PreviewRequest, PreviewView, TemplateChange
from app.message_templates.send_test import send_test
from app.message_templates.service import TemplateLive, TemplateService, parts_of, published
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.parts import Parts
from app.models.status import Role
from app.subscriptions.service import permission_of
from app.web import flash
from app.web.form_errors import errors_by_path
from app.web.fragments import page
from app.web.wording import for_people

STARTER = """<!doctype html>
<html lang="en">
<body style="margin:0;background:#f3f4f7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" style="width:100%;max-width:600px">
<tr><td style="padding:32px;font:400 16px/1.6 sans-serif;color:#1d1b26">
<h1 style="margin:0 0 12px;font:600 26px/1.25 sans-serif">Hello {{ contact.first_name | default: 'there' }}</h1>
<p style="margin:0 0 16px">Say one thing, and say it first.</p>
<p style="margin:0"><a href="https://example.com" style="color:#2f55e0">One link that matters</a></p>
</td></tr>
<tr><td style="padding:16px 32px 28px;font:400 13px/1.6 sans-serif;color:#5d5a6b">
You get this because you signed up. <a href="{{ unsubscribe_url }}" style="color:#5d5a6b">Unsubscribe</a>
</td></tr>
</table>
</td></tr></table>
</body>
</html>
"""
STARTER_TEXT = "Hello {{ contact.first_name | default: 'there' }}, "


async def _typed(request: AppRequest) -> dict[str, Any]:
    """What the editor holds; `content` as a document, the others as texts."""
    form = await request.form()
    typed: dict[str, Any] = {
        name: str(form.get(name, "")).replace("\r\n", "\n")
        for name in ("name", "channel", "subject", "html", "text", "as", "folder")
    }
    return {**typed, "content": content_form(_channel(typed), form)}


def _parts(form_values: dict[str, Any]) -> Parts:
    return Parts(form_values["subject"], form_values["html"], form_values["text"])


def _channel(form_values: dict[str, Any]) -> type[ChannelType]:
    """The channel of the form; email when it says none."""
    return registry.shown(form_values.get("channel") or EmailChannel.type)


async def _preview(
    service: TemplateService, parts: Parts, channel: type[ChannelType], who: str, content: dict[str, Any]
) -> tuple[PreviewView | None, dict[str, str]]:
    """The rendered message, or what stands against it, for the contact with the address or external id `who`."""
    contact_id = None
    if who.strip():
        contact = await service.samples.known_as(who.strip())
        if contact is None:
            return None, {"as": gettext("No contact has this address or id.")}
        contact_id = contact.id
    try:
        return await service.preview(parts, PreviewRequest(contact_id=contact_id, content=content), channel), {}
    except Invalid as error:
        return None, errors_by_path(error)


async def _preview_typed(
    service: TemplateService, form_values: dict[str, Any]
) -> tuple[PreviewView | None, dict[str, str]]:
    """The same of what the editor holds."""
    channel, content = _channel(form_values), form_values["content"]
    return await _preview(service, _parts(form_values), channel, form_values["as"], content)


async def _held_back(service: TemplateService, channel: type[ChannelType], who: str) -> str:
    """Why the contact that the preview is for would not get the message; empty when it would."""
    contact = await service.samples.known_as(who.strip()) if who.strip() else None
    may = await permission_of(service.session, contact, channel=channel) if contact is not None else None
    return "" if may is None or may.allowed else may.sentence


async def _editor(
    request: AppRequest,
    service: TemplateService,
    form_values: dict[str, Any],
    template_id: UUID | None = None,
    error: AppError | None = None,
    saved_name: str = "",
    *,
    drawer: str = "",
    saved: str = "",
) -> Template:
    """`drawer=1` in the address: the editor stands in a drawer over the builder, which is told when it was saved (`saved=1`)."""
    channel, content = _channel(form_values), form_values["content"]
    shown, problems = await _preview(service, _parts(form_values), channel, form_values.get("as", ""), content)
    keys = await service.samples.attribute_names()
    uses = await usage.of_template(service.session, service.tenant_id, template_id) if template_id else []
    return page(
        request,
        "templates/edit.html",
        status_code=error.status_code if error else 200,
        form_values=form_values,
        template_id=template_id,
        saved_name=saved_name,
        shown=shown,
        held_back=await _held_back(service, channel, form_values.get("as", "")),
        channel=channel,
        channels=[] if template_id else registry.channels(),
        content=shown_content(channel, content),
        errors={**problems, **errors_by_path(error)},
        contacts=await service.samples.some_addresses(),
        fields=insertable_fields(keys),
        extras=insertable_extras(),
        filters=" ".join(filter_names()),
        used=len({use.workflow_id for use in uses}),
        sending=usage.in_words(published(uses)),
        refused=for_people(error.for_people) if isinstance(error, TemplateLive) else "",
        drawer=drawer == "1",
        saved=saved == "1",
    )


def _saved(request: AppRequest, template_id: UUID, drawer: str) -> Response[bytes]:
    """To the template that was saved; from a drawer into the drawer again, whose frame then says so."""
    if drawer == "1":
        return flash.go(request, f"/templates/{template_id}?drawer=1&saved=1")
    return flash.go(request, f"/templates/{template_id}", gettext("Template saved."))


@get("/templates/new", role=Role.MARKETER)
async def new_template(
    request: AppRequest,
    templates: NamedDependency[TemplateService],
    channel: FromQuery[str] = EmailChannel.type,
    drawer: FromQuery[str] = "",
    folder: FromQuery[str] = "",
) -> Template:
    """An editor with a starting point, for mails one that works in every mail program."""
    if (kind := registry.find(channel)) is None:
        raise NotFound
    with_html = "html" in kind.parts
    start = kind.starter or Parts("", STARTER if with_html else "", "" if with_html else STARTER_TEXT)
    form_values = {"name": "", "channel": channel, "as": "", "folder": folder, **msgspec.structs.asdict(start)}
    return await _editor(request, templates, form_values, drawer=drawer)


@get("/templates/{template_id:uuid}", role=Role.VIEWER)
async def edit_template(
    request: AppRequest,
    templates: NamedDependency[TemplateService],
    template_id: FromPath[UUID],
    contact: FromQuery[str] = "",
    drawer: FromQuery[str] = "",
    saved: FromQuery[str] = "",
) -> Template:
    """The editor of one template; viewers see it read-only."""
    template = await templates.get(template_id)
    form_values = {
        "name": template.name,
        "channel": template.channel,
        "subject": template.subject,
        "html": template.html,
        "text": template.text,
        "content": template.content,
        "as": contact,
    }
    name = template.name
    return await _editor(request, templates, form_values, template_id, saved_name=name, drawer=drawer, saved=saved)


@post("/templates", role=Role.MARKETER, status_code=200)
async def create_template(
    request: AppRequest, templates: NamedDependency[TemplateService], drawer: FromQuery[str] = ""
) -> Template | Response[bytes]:
    """Save a new template."""
    form_values = await _typed(request)
    try:
        new = NewTemplate(
            name=form_values["name"],
            subject=form_values["subject"],
            html=form_values["html"],
            text=form_values["text"],
            channel=form_values["channel"] or EmailChannel.type,
            content=form_values["content"],
            folder_id=in_form(form_values["folder"]),
        )
        template = await templates.create(_within_limits(new))
    except AppError as error:
        return await _editor(request, templates, form_values, error=error, drawer=drawer)
    return _saved(request, template.id, drawer)


@post("/templates/{template_id:uuid}", role=Role.MARKETER, status_code=200)
async def save_template(
    request: AppRequest,
    templates: NamedDependency[TemplateService],
    template_id: FromPath[UUID],
    drawer: FromQuery[str] = "",
) -> Template | Response[bytes]:
    """Save changes."""
    form_values, service = await _typed(request), templates
    name, form_values["channel"] = (stored := await service.get(template_id)).name, stored.channel
    try:
        change = TemplateChange(
            name=form_values["name"],
            subject=form_values["subject"],
            html=form_values["html"],
            text=form_values["text"],
            content=form_values["content"],
        )
        await service.update(template_id, _within_limits(change))
    except AppError as error:
        return await _editor(request, templates, form_values, template_id, error, saved_name=name, drawer=drawer)
    return _saved(request, template_id, drawer)


def _within_limits(change: Any) -> Any:
    """The lengths that the API checks by its schema. Raises Invalid."""
    limits = {"name": 120, "subject": 1000, "html": 256 * 1024, "text": 256 * 1024}
    errors = [
        FieldError(path=name, message=gettext("At most %(limit)s characters.", limit=number(limit)))
        for name, limit in limits.items()
        if len(getattr(change, name)) > limit
    ]
    if errors:
        raise Invalid(errors=errors)
    return change


@post("/templates/{template_id:uuid}/duplicate", role=Role.MARKETER)
async def duplicate_template(
    request: AppRequest, templates: NamedDependency[TemplateService], template_id: FromPath[UUID]
) -> Response[bytes]:
    """A copy to change."""
    copy = await templates.duplicate(template_id)
    return flash.go(request, f"/templates/{copy.id}", gettext("This is the copy."))


@post("/templates/{template_id:uuid}/delete", role=Role.MARKETER)
async def delete_template(
    request: AppRequest, templates: NamedDependency[TemplateService], template_id: FromPath[UUID]
) -> Response[bytes]:
    """Remove a template that no workflow uses."""
    try:
        await templates.delete(template_id)
    except AppError as error:
        if error.status_code != 409:
            raise
        return flash.go(request, f"/templates/{template_id}", for_people(error.for_people), "err")
    return flash.go(request, "/templates", gettext("Template deleted."))


@post("/templates/preview", role=Role.VIEWER, cost=20, status_code=200)
async def preview(request: AppRequest, templates: NamedDependency[TemplateService]) -> Template:
    """What is typed, as a contact would get it: subject, text, and what stands against it. The HTML is in the frame."""
    form_values = await _typed(request)
    shown, errors = await _preview_typed(templates, form_values)
    channel = _channel(form_values)
    return page(
        request,
        "templates/edit.html",
        block="preview",
        form_values=form_values,
        channel=channel,
        shown=shown,
        held_back=await _held_back(templates, channel, form_values["as"]),
        errors=errors,
    )


@post("/templates/preview/frame", role=Role.VIEWER, cost=20, status_code=200)
async def preview_frame(request: AppRequest, templates: NamedDependency[TemplateService]) -> Response[str]:
    """The HTML that is typed, rendered, as the document of the preview's frame."""
    form_values = await _typed(request)
    shown, errors = await _preview_typed(templates, form_values)
    return _framed(_channel(form_values), shown, errors)


@get("/templates/{template_id:uuid}/frame", role=Role.VIEWER)
async def template_frame(
    templates: NamedDependency[TemplateService], template_id: FromPath[UUID], contact: FromQuery[str] = ""
) -> Response[str]:
    """A saved template, rendered, for the small pictures of the list."""
    template = await templates.get(template_id)
    channel = registry.shown(template.channel)
    shown, errors = await _preview(templates, parts_of(template), channel, contact, template.content)
    return _framed(channel, shown, errors)


def _framed(channel: type[ChannelType], shown: PreviewView | None, errors: dict[str, str]) -> Response[str]:
    return framed(channel.picture(shown.parts) if shown else _unshown(errors))


def _unshown(errors: dict[str, str]) -> str:
    first = "" if not errors else gettext("The preview comes back when the mistake is fixed.")
    return f'<!doctype html><body style="font:14px/1.5 sans-serif;color:#5d6273;padding:32px;text-align:center">{first}</body>'


@post("/templates/test", role=Role.MARKETER, deadline=60, status_code=200)
async def test_template(
    request: AppRequest, db_session: Database, templates: NamedDependency[TemplateService]
) -> Response[bytes]:
    """Send what is typed to one address, through the default connector."""
    form, form_values = await request.form(), await _typed(request)
    shown, errors = await _preview_typed(templates, form_values)
    if shown is None:
        toast = flash.toast(next(iter(errors.values())), "err")
    else:
        try:
            channel = _channel(form_values)
            result = await send_test(db_session, request.user, channel, str(form.get("to", "")), shown.parts)
            toast = flash.toast(result.message, "ok" if result.result == "sent" else "err")
        except TooMany as error:
            toast = flash.toast(for_people(error.for_people), "err")
    return Response(b"", headers={**toast, "HX-Reswap": "none"})


ROUTES: list[Any] = [*list_pages.ROUTES, new_template, edit_template, create_template, save_template, duplicate_template, delete_template,
    preview, preview_frame, template_frame, test_template,
]  # fmt: skip
