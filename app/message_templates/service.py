"""Rules of templates: what may be saved, and what a contact would see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import structlog
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from app import usage
from app.accounts.principal import Principal
from app.contacts.known_name_repository import known_names
from app.contacts.repository import ContactRepository
from app.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from app.flow import discovery
from app.flow.field_reads import KnownNames, fields_in_text
from app.flow.lint.missing_fallbacks import gaps, printed_in
from app.folders.service import FolderService
from app.folders.shelved import unsorted
from app.folders.tags import checked_tags
from app.lib import clock, held_connections, sandbox, single_line
from app.lib.translation import gettext, ngettext
from app.liquid.pieces import LiquidError
from app.message_templates.content import shown_content, template_content
from app.message_templates.repository import TEMPLATE_ORDERS, SampleContacts, TemplateRepository
from app.message_templates.sample import SAMPLE
from app.message_templates.schemas import (
    NewTemplate,
    PreviewRequest,
    PreviewView,
    TemplateChange,
    TemplateView,
    TemplateWarning,
)
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.filling import PartError, liquid_faults, subjects
from app.messaging.channels.parts import LiquidSource, Parts
from app.models import Contact, FolderKind, Template
from app.models.folder import FolderFilter
from app.models.status import Role
from app.values.contact_view import COLUMNS, liquid_data_of
from app.web import pagination

log = structlog.get_logger()


class TemplateNameTaken(Conflict):
    """Another template has this name. Choose a different one."""

    code = "name_taken"


class TemplateInUse(Conflict):
    """Workflows still use this template. Choose another template there first, or archive them."""

    code = "template_in_use"


class TemplateLive(Forbidden):
    """Published workflows send this template, so changing it changes what they send. Ask an admin, or change a copy."""

    code = "template_live"


def published(uses: Sequence[usage.Use]) -> Sequence[usage.Use]:
    """Those that send it without being published again: live versions, and older ones with people or emails on their way."""
    return [use for use in uses if use.version is not None]


def parts_of(template: Template) -> Parts:
    return Parts(template.subject, template.html, template.text, template.content)


def contact_fields(contact: Contact) -> dict[str, Any]:
    """A contact row as `liquid_data_of` takes it."""
    return {name: getattr(contact, name) for name in ("id", "attributes", "tags", *COLUMNS)}


def preview_data(fields: dict[str, Any], event: dict[str, Any], timezone: str) -> dict[str, Any]:
    """What a template sees of a contact (`contact_fields`) in a preview: nothing of a run."""
    return {
        "contact": liquid_data_of({**fields, "created_at": fields["created_at"] or clock.now()}),
        "event": event,
        "steps": {},
        "vars": {},
        "workspace": {"timezone": timezone},
        "unsubscribe_url": "#unsubscribe",
        "unsubscribeUrl": "#unsubscribe",
    }


def sample_data() -> dict[str, Any]:
    """What a template sees of the made-up contact."""
    return {"contact": liquid_data_of({**contact_fields(SAMPLE), "created_at": clock.now()}), "event": {}}


def _gaps(sources: Iterable[LiquidSource], known: KnownNames) -> Iterator[TemplateWarning]:
    """Parts that print an attribute without a fallback which some contacts do not have."""
    for part, source, _ in sources:
        for name in gaps(printed_in(source), known):
            message = gettext(
                "Not every contact has “%(name)s”: without it there is a gap here. Say what stands there instead.",
                name=name,
            )
            yield TemplateWarning(part, message)


async def sample_subjects(session: AsyncSession, principal: Principal, sources: Sequence[str]) -> list[str]:
    """Subjects as the made-up contact would read them, for lists; each that cannot be filled in as it stands."""
    wanted = list(sources)
    if not any("{" in source for source in wanted):
        return wanted
    await held_connections.release_connection(session)
    try:
        return await sandbox.run(subjects, wanted, sample_data(), share=share_of(principal))
    except (sandbox.TooCostly, sandbox.Busy):
        return wanted


def share_of(principal: Principal) -> tuple[str, ...]:
    """Whose turn it is in the sandbox: one person's, or one key's."""
    return (str(principal.tenant_id), str(principal.id))


def template_view(template: Template) -> TemplateView:
    return TemplateView(
        id=template.id,
        name=template.name,
        channel=template.channel,
        subject=template.subject,
        html=template.html,
        text=template.text,
        content=shown_content(registry.find(template.channel), template.content),
        folder_id=template.folder_id,
        tags=template.tags,
        created_at=template.created_at,
        updated_at=template.updated_at,
    )


class TemplateService:
    """Templates of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = TemplateRepository(session, principal.tenant_id)
        self.samples = SampleContacts(session, principal.tenant_id)
        self.folders = FolderService(session, principal)

    async def get(self, template_id: UUID) -> Template:
        template = await self.rows.get_one_or_none(Template.id == template_id)
        if template is None:
            raise NotFound
        return template

    async def list(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        search: str = "",
        folder: FolderFilter | None = None,
        tag: str | None = None,
        order: str | None = None,
    ) -> pagination.Page[Template]:
        """By name or sorted otherwise. Raises Invalid for an order that there is not."""
        if fault := unsorted(order, TEMPLATE_ORDERS):
            raise fault
        return await self.rows.by_name(
            cursor, pagination.clamp_limit(limit), search, folder=folder, tag=tag, order=order or "name"
        )

    async def create(self, new: NewTemplate) -> Template:
        """Add a template whose parts parse."""
        channel = registry.find(new.channel)
        if channel is None:
            raise Invalid(errors=[FieldError(path="channel", message=registry.no_such(new.channel))])
        parts = Parts(new.subject, new.html, new.text, template_content(channel, new.content))
        tags = checked_tags(new.tags or ())
        name = await self._checked(new.name, channel, parts)
        await self.folders.check(FolderKind.TEMPLATE, folder_id := new.folder_id or None)
        template = Template(
            tenant_id=self.tenant_id,
            name=name,
            channel=new.channel,
            subject=new.subject,
            html=new.html,
            text=new.text,
            content=parts.content,
            updated_by=self.principal.user_id,
            folder_id=folder_id,
            tags=tags,
        )
        self.session.add(template)
        await self.session.flush()
        await self.session.refresh(template)
        return template

    async def update(self, template_id: UUID, change: TemplateChange) -> Template:
        """Change what is given. Messages that are still queued will say the new text.

        What published workflows send is changed by whoever may publish. Raises TemplateLive for others.
        """
        template = await self.get(template_id)
        if change.only_files:
            await self.folders.file(template, change.folder_id, change.tags)
            return template
        before = parts_of(template)
        parts = Parts(
            before.subject if change.subject is UNSET else change.subject,
            before.html if change.html is UNSET else change.html,
            before.text if change.text is UNSET else change.text,
            before.content
            if change.content is UNSET
            else template_content(registry.find(template.channel), {**before.content, **change.content}),
        )
        if parts != before:
            await self._may_change(template_id)
        name = template.name if change.name is UNSET else change.name
        if change.channel not in (UNSET, template.channel):
            message = gettext(
                "A template stays in its channel, which is %(channel)s.",
                channel=gettext(registry.shown(template.channel).label),
            )
            raise Invalid(errors=[FieldError(path="channel", message=message)])
        template.name = await self._checked(name, registry.find(template.channel), parts, template)
        template.subject, template.html, template.text = parts.subject, parts.html, parts.text
        template.content = dict(parts.content)
        template.updated_by = self.principal.user_id
        await self.session.flush()
        await self.folders.file(template, change.folder_id, change.tags)
        await self.session.refresh(template)
        return template

    async def _may_change(self, template_id: UUID) -> None:
        sending = published(await usage.of_template(self.session, self.tenant_id, template_id))
        if not sending:
            return
        if not self.principal.may(Role.ADMIN):
            raise TemplateLive(
                ngettext(
                    "%(sending)s sends this template, so only admins change what it says. Ask one, or duplicate it and "
                    "choose the copy in the draft.",
                    "%(sending)s send this template, so only admins change what it says. Ask one, or duplicate it and "
                    "choose the copy in the draft.",
                    len(sending),
                    sending=usage.in_words(sending),
                ),
                usedBy=usage.as_documents(sending),
            )
        who = self.principal
        workflows = len({use.workflow_id for use in sending})
        log.info("template.changed_live", template=str(template_id), by=f"{who.kind}:{who.id}", workflows=workflows)

    async def duplicate(self, template_id: UUID) -> Template:
        """A copy under a free name."""
        source = await self.get(template_id)
        for number in range(1, 100):
            name = f"{source.name[:100]} (copy{f' {number}' if number > 1 else ''})"
            if await self.rows.find_by_name(name) is None:
                break
        parts = parts_of(source)
        return await self.create(
            NewTemplate(
                name=name,
                subject=parts.subject,
                html=parts.html,
                text=parts.text,
                channel=source.channel,
                content=dict(parts.content),
                folder_id=source.folder_id,
                tags=source.tags,
            )
        )

    async def delete(self, template_id: UUID) -> None:
        """Remove a template that no workflow and no message on its way uses. Raises TemplateInUse."""
        template = await self.rows.get_one_or_none(Template.id == template_id, lock=True)
        if template is None:
            raise NotFound
        if uses := await usage.of_template(self.session, self.tenant_id, template_id):
            raise TemplateInUse(
                gettext(
                    "This template is still used by %(in_words)s. Choose another one there and publish; what people and "
                    "emails on older versions need stays until they are through.",
                    in_words=usage.in_words(uses),
                ),
                usedBy=usage.as_documents(uses),
            )
        await self.rows.delete(template)

    async def preview(
        self,
        parts: Parts,
        request: PreviewRequest,
        channel: type[ChannelType] = EmailChannel,
        fields: dict[str, Any] | None = None,
    ) -> PreviewView:
        """A message of the channel as one contact would get it. Raises Invalid that names part and line.

        `fields`: the contact as `contact_fields` has it, instead of the one that `request` names; it need not be stored.
        """
        if fields is None:
            fields = await self._fields_of(request.contact_id)
        data = preview_data(fields, request.event, self.principal.timezone)
        shown = Parts(
            parts.subject if request.subject is UNSET else request.subject,
            parts.html if request.html is UNSET else request.html,
            parts.text if request.text is UNSET else request.text,
            parts.content
            if request.content is UNSET
            else template_content(channel, {**parts.content, **request.content}),
        )
        try:
            await held_connections.release_connection(self.session)
            filled = await self.filled(channel, shown, data)
        except PartError as error:
            why = str(LiquidError(error.message, error.line))
            raise Invalid(errors=[FieldError(path=error.part, message=why)]) from error
        who = channel.address_of(fields) or fields["email"] or fields["external_id"] or ""
        return PreviewView(
            filled.subject,
            filled.html,
            filled.text,
            who,
            await self._warnings(channel, shown, set(request.event)),
            content=dict(filled.content),
            segments=channel.segments_of(filled),
        )

    async def _fields_of(self, contact_id: UUID | None) -> dict[str, Any]:
        """Of a contact, or of the made-up one. Raises Invalid."""
        if contact_id is None:
            return contact_fields(SAMPLE)
        stored = await ContactRepository(self.session, self.tenant_id).get(contact_id)
        if stored is None:
            raise Invalid(errors=[FieldError(path="contactId", message=gettext("There is no such contact."))])
        return contact_fields(stored)

    async def filled(self, channel: type[ChannelType], parts: Parts, data: dict[str, Any]) -> Parts:
        """In a process apart, but for plugins, whose modules only this one has. Raises PartError."""
        function, first = channel.rendering()
        if function.__module__.startswith(discovery.PLUGIN_MODULES):
            return await asyncio.to_thread(function, *first, parts, data)
        return await sandbox.run(function, *first, parts, data, share=share_of(self.principal))

    async def _warnings(
        self, channel: type[ChannelType], parts: Parts, event_fields: set[str]
    ) -> Sequence[TemplateWarning]:
        """Fields that a template reads and no data has; `given` are properties of the event that it is previewed with."""
        doubts = [TemplateWarning(part, message) for part, message in channel.part_doubts(parts)]
        sources = channel.liquid_sources(parts)
        reads = [read for part, source, html in sources for read in fields_in_text(source, part, html=html)]
        if not reads:
            return doubts
        known_fields = (await known_names(self.session, self.tenant_id)).of_any_event(event_fields)
        doubted = ((read.path, known_fields.doubt(read, "")) for read in reads)
        unknown = [TemplateWarning(part, doubt.message) for part, doubt in dict.fromkeys(doubted) if doubt is not None]
        return [*unknown, *_gaps(sources, known_fields), *doubts]

    async def _checked(
        self, name: str, channel: type[ChannelType] | None, parts: Parts, current: Template | None = None
    ) -> str:
        name = name.strip()
        await held_connections.release_connection(self.session)
        of_channel = channel or ChannelType
        sources = of_channel.liquid_sources(parts)
        errors = await sandbox.run(liquid_faults, sources, share=share_of(self.principal))
        errors += of_channel.content_faults(parts)
        if not name:
            errors.append(FieldError(path="name", message=gettext("Give the template a name.")))
        with_subject = channel is None or "subject" in channel.parts
        if with_subject and not parts.subject.strip():
            errors.append(FieldError(path="subject", message=gettext("Write a subject.")))
        elif not single_line.fits(parts.subject):
            errors.append(FieldError(path="subject", message=single_line.SENTENCE))
        if not parts.html.strip() and not parts.text.strip():
            path, message = (
                ("html", gettext("Write the HTML or the text of the email."))
                if with_subject
                else ("text", gettext("Write the text."))
            )
            errors.append(FieldError(path=path, message=message))
        if errors:
            raise Invalid(gettext("The template has mistakes."), errors=errors)
        if current is None or name != current.name:
            other = await self.rows.find_by_name(name)
            if other is not None:
                raise TemplateNameTaken(
                    errors=[FieldError(path="name", message=gettext("Another template has this name."))]
                )
        return name
