"""How long a workspace keeps what: one rule for the page and for the API."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import FieldError, Invalid
from app.history_start_repository import HistoryStartRepository
from app.lib.translation import gettext
from app.models import Workspace
from app.retention import repository
from app.retention.rules import CHOICES, RULES, chosen
from app.retention.schemas import RetentionRule

log = structlog.get_logger()
_NAMES = [rule.name for rule in RULES]


class RetentionService:
    """The rules of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id

    async def rules(self) -> list[RetentionRule]:
        """All rules, with what is there of each kind."""
        place = await self.session.get_one(Workspace, self.tenant_id)
        days, oldest = chosen(place.settings), await repository.oldest(self.session, self.tenant_id)
        starts = {row.rule: row.at for row in await HistoryStartRepository(self.session, self.tenant_id).list()}
        return [
            RetentionRule(
                rule=rule.name,
                label=rule.label,
                description=rule.text,
                days=days[rule.name],
                oldest_at=oldest.get(rule.name),
                removed_before=starts.get(rule.name),
            )
            for rule in RULES
        ]

    async def change(self, wanted: Mapping[str, int]) -> None:
        """Keep what these rules are about for so many days; what is older is deleted within minutes. Raises Invalid."""
        errors: list[FieldError] = []
        for name, count in wanted.items():
            if name not in _NAMES:
                errors.append(
                    {
                        "path": f"days.{name}",
                        "message": gettext("There is no such rule. There are %(names)s.", names=", ".join(_NAMES)),
                    }
                )
            elif count not in CHOICES:
                choices = ", ".join(map(str, CHOICES))
                errors.append(
                    {
                        "path": f"days.{name}",
                        "message": gettext(
                            "Choose one of these numbers of days: %(choices)s; 0 is for ever.", choices=choices
                        ),
                    }
                )
        if errors:
            raise Invalid(errors=errors)
        place = await self.session.get_one(Workspace, self.tenant_id, with_for_update=True)
        before = chosen(place.settings)
        days = {**before, **wanted}
        place.settings = {**place.settings, "retention": days}
        await self.session.flush()
        changed = {name: [before[name], days[name]] for name in days if days[name] != before[name]}
        log.info("retention.changed", tenant_id=place.id, by=str(self.principal.id), days=changed)
