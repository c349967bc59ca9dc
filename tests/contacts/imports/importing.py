"""A program that imports files, on a database of its own, and the background run."""

from __future__ import annotations

from typing import Any

import httpx

from app.contacts.imports import runner
from app.lib import database

IMPORT = "/api/v1/contacts/import"
IN_PART = "imported without these cells"


async def upload(client: httpx.AsyncClient, data: bytes, name: str = "people.csv") -> dict[str, Any]:
    answer = await client.post(IMPORT, files={"file": (name, data, "text/csv")})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def counts_of(found: dict[str, Any]) -> dict[str, int]:
    """The counts of an import; those of its rows add up."""
    names = ("created", "updated", "unchanged", "failed", "warned")
    counts = {"total": found["rowsTotal"], "done": found["rowsDone"], **{name: found[f"{name}Count"] for name in names}}
    assert counts["done"] == sum(counts[name] for name in names[:4]), counts
    return counts


class Importer:
    """A program with a key on a database of its own, and the background run."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    async def upload(self, data: bytes, name: str = "people.csv") -> dict[str, Any]:
        answer = await self.client.post(IMPORT, files={"file": (name, data)}, headers=self.headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    async def start_uploaded(self, found: str, **options: Any) -> None:
        started = await self.client.post(f"{IMPORT}/{found}/start", json=options, headers=self.headers)
        assert started.status_code == 202 and started.json()["data"]["status"] == "queued", started.text

    async def start(self, data: bytes, **options: Any) -> str:
        found: str = (await self.upload(data))["id"]
        await self.start_uploaded(found, **options)
        return found

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def run(self) -> None:
        assert await runner.run_waiting(database.engine(), 60) is False
