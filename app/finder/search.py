"""What the palette shows for what was typed: places, actions, and what has a name in the workspace."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.list_repository import ContactFilter, ContactLists
from app.finder import repository
from app.finder.places import ACTIONS, PAGES, Destination
from app.lib.translation import gettext, translatable
from app.values.contact_view import name_of

EACH = 5
"""Of each kind that many are shown."""
LONGEST = 100
"""Characters of a search that are looked at."""
KINDS: dict[str, tuple[str, str, str]] = {
    "workflow": (translatable("Workflows"), "workflow", "/workflows/{id}"),
    "segment": (translatable("Segments"), "funnel", "/segments/{id}"),
    "template": (translatable("Templates"), "layout-template", "/templates/{id}"),
    "folder": (translatable("Folders"), "folder", "/{note}s?folder={id}"),
    "connector": (translatable("Connectors"), "plug", "/connectors/{id}"),
}
"""By kind of what is looked up: heading, icon, address."""


class Option(NamedTuple):
    """One line of the palette."""

    label: str
    icon: str
    url: str
    note: str = ""
    is_name: bool = False
    """Somebody gave it this name: it may be of any script."""


class Group(NamedTuple):
    """A heading and its lines."""

    heading: str
    options: list[Option]


async def matching(session: AsyncSession, principal: Principal, search: str) -> list[Group]:
    """All that fits, by kind; without a search what was changed last, actions and pages."""
    search = " ".join(search.split())[:LONGEST]
    if not search:
        recent = await repository.last_changed(session, principal.tenant_id, EACH)
        groups = [Group(gettext("Changed last"), [_option(row) for row in recent])]
        return _filled([*groups, *_offered(principal, "")])
    rows = await repository.of_name(session, principal.tenant_id, search, EACH)
    groups = [
        Group(gettext(heading), [_option(row) for row in rows if row.kind == kind])
        for kind, (heading, _, _) in KINDS.items()
    ]
    groups.insert(1, Group(gettext("Contacts"), await _contacts(session, principal, search)))
    # What is on the page by its own name comes before what only holds the word.
    return _filled([*_offered(principal, search), *groups])


def _offered(principal: Principal, search: str) -> list[Group]:
    words = search.casefold().split()
    return [
        Group(heading, [_place(place) for place in places if principal.may(place.role) and place.fits(words)])
        for heading, places in ((gettext("Actions"), ACTIONS), (gettext("Pages"), PAGES))
    ]


def _place(place: Destination) -> Option:
    return Option(gettext(place.label), place.icon, place.url)


def _option(row: Any) -> Option:
    _, icon, url = KINDS[row.kind]
    note = gettext(KINDS[row.note][0]) if row.kind == "folder" else row.note
    return Option(row.name, icon, url.format(id=row.id, note=row.note), note, is_name=True)


async def _contacts(session: AsyncSession, principal: Principal, search: str) -> list[Option]:
    contacts = await ContactLists(session, principal.tenant_id).newest(None, EACH, ContactFilter(search=search))
    options = []
    for contact in contacts.items:
        name, address = name_of(contact), contact.email or contact.phone or ""
        note = address if address != name else ""
        options.append(Option(name, "user-round", f"/contacts/{contact.id}", note, is_name=True))
    return options


def _filled(groups: list[Group]) -> list[Group]:
    return [group for group in groups if group.options]
