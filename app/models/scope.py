"""What an API key may touch: one scope a group of routes, for reading and for writing. A role says how far, a scope says what."""

from __future__ import annotations

from enum import StrEnum

from app.lib.translation import translatable
from app.models.status import Role


class Scope(StrEnum):
    """`<group>:<act>`. Writing does not include reading; what a write answers with is the thing that was written."""

    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    DEAD_LETTERS_READ = "dead-letters:read"
    DEAD_LETTERS_WRITE = "dead-letters:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    CONTACTS_DELETE = "contacts:delete"
    SEGMENTS_READ = "segments:read"
    SEGMENTS_WRITE = "segments:write"
    SUPPRESSIONS_READ = "suppressions:read"
    SUPPRESSIONS_WRITE = "suppressions:write"
    WORKFLOWS_READ = "workflows:read"
    WORKFLOWS_WRITE = "workflows:write"
    WORKFLOWS_PUBLISH = "workflows:publish"
    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    CONNECTORS_READ = "connectors:read"
    CONNECTORS_WRITE = "connectors:write"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_WRITE = "api-keys:write"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    WEBHOOK_ENDPOINTS_READ = "webhook-endpoints:read"
    WEBHOOK_ENDPOINTS_WRITE = "webhook-endpoints:write"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"

    @property
    def what(self) -> str:
        """What it is for, in the words of the page and of the API document."""
        return _WHAT[self]

    @property
    def least_role(self) -> Role:
        """The lowest role that can do anything with it; below it a key would hold a scope that opens nothing."""
        if self in _OF_ADMINS:
            return Role.ADMIN
        return Role.VIEWER if self.endswith(":read") else Role.MARKETER


_OF_ADMINS = {
    Scope.WORKFLOWS_PUBLISH,
    Scope.CONNECTORS_WRITE,
    Scope.API_KEYS_READ,
    Scope.API_KEYS_WRITE,
    Scope.RETENTION_WRITE,
    Scope.WEBHOOK_ENDPOINTS_WRITE,
    Scope.WORKSPACE_WRITE,
}
_WHAT = {
    Scope.EVENTS_READ: translatable("List events"),
    Scope.EVENTS_WRITE: translatable("Send events"),
    Scope.DEAD_LETTERS_READ: translatable("Read events that were set aside"),
    Scope.DEAD_LETTERS_WRITE: translatable("Try events again that were set aside; admins also discard them"),
    Scope.CONTACTS_READ: translatable("Read contacts and imports"),
    Scope.CONTACTS_WRITE: translatable("Create, change and import contacts"),
    Scope.CONTACTS_DELETE: translatable("Erase contacts"),
    Scope.SEGMENTS_READ: translatable("Read segments and their members"),
    Scope.SEGMENTS_WRITE: translatable("Create, change and delete segments, put contacts in and take them out"),
    Scope.SUPPRESSIONS_READ: translatable("Read the suppression list"),
    Scope.SUPPRESSIONS_WRITE: translatable("Suppress addresses; admins also resubscribe"),
    Scope.WORKFLOWS_READ: translatable("Read workflows, versions and results"),
    Scope.WORKFLOWS_WRITE: translatable("Create workflows and edit drafts"),
    Scope.WORKFLOWS_PUBLISH: translatable("Activate, pause, publish, revert, archive and delete workflows"),
    Scope.RUNS_READ: translatable("Read runs, their steps and what is in trouble"),
    Scope.RUNS_WRITE: translatable("Start and cancel runs"),
    Scope.TEMPLATES_READ: translatable("Read and preview templates"),
    Scope.TEMPLATES_WRITE: translatable("Create, change and delete templates"),
    Scope.MESSAGES_READ: translatable("Read messages"),
    Scope.MESSAGES_WRITE: translatable("Settle and resend messages"),
    Scope.CONNECTORS_READ: translatable("Read connectors"),
    Scope.CONNECTORS_WRITE: translatable("Create, change, test and delete connectors"),
    Scope.API_KEYS_READ: translatable("List API keys"),
    Scope.API_KEYS_WRITE: translatable("Create, rotate and revoke API keys"),
    Scope.RETENTION_READ: translatable("Read how long data is kept"),
    Scope.RETENTION_WRITE: translatable("Change how long data is kept"),
    Scope.WEBHOOK_ENDPOINTS_READ: translatable("Read event types; admins also webhook endpoints and their deliveries"),
    Scope.WEBHOOK_ENDPOINTS_WRITE: translatable("Add, change, test and delete webhook endpoints"),
    Scope.WORKSPACE_READ: translatable("Read the settings of the workspace"),
    Scope.WORKSPACE_WRITE: translatable("Change the settings of the workspace"),
}
