"""Which scopes a key needs to see what samples and tests show."""

from __future__ import annotations

from app.accounts import guards
from app.accounts.deps import AppRequest
from app.models.scope import Scope

OF_SAMPLE = (Scope.CONTACTS_READ, Scope.EVENTS_READ)
OF_TEST = (*OF_SAMPLE, Scope.RUNS_READ, Scope.TEMPLATES_READ, Scope.SUPPRESSIONS_READ)
"""What a test shows: also outputs of steps of earlier runs, filled templates, and whether an address is on the suppression list."""


def require_scopes(request: AppRequest, scopes: tuple[Scope, ...]) -> None:
    """A key that may not read contacts, events or the like does not get to them by its workflows."""
    for scope in scopes:
        if refused := guards.missing_scope(request.user, scope):
            raise refused
