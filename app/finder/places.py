"""Pages and actions that the palette offers, each to those who may open it."""

from __future__ import annotations

from typing import NamedTuple

from app.lib.translation import gettext, translatable
from app.models.status import Role


class Destination(NamedTuple):
    """A page, or an action that begins at a page. `also`: words by which people look for it, in English."""

    label: str
    icon: str
    url: str
    role: Role = Role.VIEWER
    also: str = ""

    def fits(self, words: list[str]) -> bool:
        """Does each word begin one of what it is called, in the reader's language or in English, or of what else it is looked for by?"""
        known = f"{gettext(self.label)} {self.label} {self.also}".casefold().split()
        return all(any(one.startswith(word) for one in known) for word in words)


ACTIONS = (
    Destination(
        translatable("New workflow"), "plus", "/workflows?new=1", Role.MARKETER, "create draw automation journey"
    ),
    Destination(translatable("Import contacts"), "file-up", "/contacts/import", Role.MARKETER, "upload csv people"),
    Destination(translatable("New template"), "plus", "/templates/new", Role.MARKETER, "create email mail"),
    Destination(translatable("New segment"), "plus", "/segments/new", Role.MARKETER, "create audience"),
    Destination(
        translatable("Add connector"), "plug", "/connectors/new", Role.ADMIN, "create smtp provider integration"
    ),
    Destination(translatable("Import a workflow"), "file-up", "/workflows/import", Role.MARKETER, "upload json file"),
    Destination(
        translatable("Invite somebody"), "user-plus", "/settings/users", Role.ADMIN, "user team member person add"
    ),
    Destination(translatable("Create API key"), "key-round", "/settings/keys", Role.ADMIN, "token"),
)
PAGES = (
    Destination(translatable("Home"), "house", "/", also="dashboard overview start"),
    Destination(translatable("Workflows"), "workflow", "/workflows", also="automations journeys campaigns"),
    Destination(translatable("Runs"), "route", "/runs", also="executions history"),
    Destination(translatable("Held runs"), "hand", "/held-runs", also="stuck waiting"),
    Destination(translatable("Contacts"), "users-round", "/contacts", also="people users subscribers"),
    Destination(
        translatable("Suppression list"), "users-round", "/suppressions", also="unsubscribed bounced complained blocked"
    ),
    Destination(translatable("Segments"), "funnel", "/segments", also="audiences lists"),
    Destination(translatable("Templates"), "layout-template", "/templates", also="emails"),
    Destination(translatable("Messages"), "mail", "/messages", also="emails sent outbox"),
    Destination(translatable("Events set aside"), "circle-alert", "/dead-letters", also="dead letters failed"),
    Destination(translatable("Connectors"), "plug", "/connectors", also="providers integrations smtp"),
    Destination(translatable("Users"), "settings", "/settings/users", also="team members people"),
    Destination(translatable("Workspace"), "settings", "/settings/workspace", also="time zone country name"),
    Destination(translatable("API keys"), "key-round", "/settings/keys", Role.ADMIN, "tokens"),
    Destination(
        translatable("Data retention"), "settings", "/settings/data", also="how long data is kept gdpr privacy"
    ),
    Destination(
        translatable("Your profile"),
        "user-round",
        "/settings/profile",
        also="password language theme time zone account",
    ),
    Destination(translatable("API reference"), "book-open", "/docs/api", also="documentation openapi rest"),
)
