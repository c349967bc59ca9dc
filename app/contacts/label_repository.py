"""What people call attributes: the names they wrote, kept beside the names that templates and conditions read."""

from __future__ import annotations

from collections.abc import Mapping

from app.lib.database import execute
from app.models.contact import AttributeLabel
from app.models.tenant_repository import TenantRepository


class LabelRepository(TenantRepository[AttributeLabel]):
    """The labels of a workspace."""

    model = AttributeLabel

    async def keep(self, labels: Mapping[str, str]) -> None:
        """Remember labels by the name of their attribute. One that is there stays, so that pages do not change their words."""
        if labels:
            await execute(
                self.session,
                """
                insert into attribute_labels (tenant_id, name, label)
                select %(tenant)s, name, label from unnest(%(names)b::text[], %(labels)b::text[]) as t(name, label)
                order by name on conflict do nothing
                """,
                tenant=self.tenant_id,
                names=list(labels),
                labels=list(labels.values()),
            )

    async def by_name(self) -> dict[str, str]:
        """Every label by the name of its attribute."""
        return {row.name: row.label for row in await self.list()}
