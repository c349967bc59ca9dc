"""The filters of lists of runs, as they stand in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from app.runs.list_repository import RunFilter
from app.runs.service import statuses_of
from app.web.list_periods import listed_id, listed_number, period_start


class RunListQuery(msgspec.Struct, frozen=True):
    """The filters of a list of runs, as they stand in its address. They narrow as those of the API do."""

    status: str | None = None
    contact: UUID | None = None
    without_contact: bool = False
    node: str | None = None
    workflow: str = ""
    version: int | None = None
    period: str = ""

    def run_filter(self, workflow_id: UUID | None = None, order: str = "") -> RunFilter:
        """For `RunService.list`. Raises Invalid on an unknown status, workflow or period."""
        return RunFilter(
            workflow_id=workflow_id or listed_id("workflow", self.workflow),
            contact_id=self.contact,
            statuses=statuses_of(self.status),
            started_from=period_start(self.period),
            node_id=self.node,
            without_contact=self.without_contact,
            version=self.version,
            oldest_first=order == "started",
        )

    @property
    def words(self) -> dict[str, str]:
        """As in the address."""
        words = {
            "status": self.status,
            "contact": self.contact,
            "withoutContact": "true" if self.without_contact else None,
            "node": self.node,
            "workflow": self.workflow,
            "version": self.version,
            "period": self.period,
        }
        return {name: str(word) for name, word in words.items() if word}

    @classmethod
    def of_address(
        cls,
        status: str | None,
        contact: str,
        without_contact: bool,
        node: str | None,
        workflow: str,
        version: str,
        period: str,
    ) -> RunListQuery:
        """As a form sends it, in which nothing is "". Raises Invalid."""
        of_contact, of_version = listed_id("contact", contact), listed_number("version", version)
        return cls(status or None, of_contact, without_contact, node or None, workflow, of_version, period)

    @classmethod
    def of_words(cls, words: Mapping[str, str]) -> RunListQuery:
        """Read back from an address. Raises Invalid."""
        return cls(
            status=words.get("status"),
            contact=listed_id("contact", words.get("contact", "")),
            without_contact=words.get("withoutContact") == "true",
            node=words.get("node"),
            workflow=words.get("workflow", ""),
            version=listed_number("version", words.get("version", "")),
            period=words.get("period", ""),
        )
