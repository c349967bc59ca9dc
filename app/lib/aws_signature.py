"""Signature Version 4 of Amazon Web Services: what proves that a request comes from the owner of a secret access key.

The request is written in a canonical form, digested, and signed with a key that is derived for the day, the region and the service.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsScope:
    """Who signs, and for what."""

    access_key: str
    secret_key: str
    region: str
    service: str


def signed_headers(
    scope: AwsScope,
    method: str,
    authority: str,
    target: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    at: datetime,
) -> tuple[tuple[str, str], ...]:
    """`X-Amz-Date` and `Authorization` for a request. `target`: path with its query, percent-encoded; `headers`: others to be signed."""
    time = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    values = {"host": authority, "x-amz-date": time, **{name.lower(): value for name, value in headers}}
    names = ";".join(sorted(values))
    lines = "".join(f"{name}:{' '.join(values[name].split())}\n" for name in sorted(values))
    path, _, query = target.partition("?")
    digest = hashlib.sha256(body).hexdigest()
    # Each letter that is not plain is encoded once more than it is on the wire: every service but S3 wants that.
    canonical = "\n".join([method, quote(path or "/", safe="/-_.~"), _query(query), lines, names, digest])
    place = f"{time[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join([ALGORITHM, time, place, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{scope.secret_key}".encode()
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    proof = f"{ALGORITHM} Credential={scope.access_key}/{place}, SignedHeaders={names}, Signature={signature}"
    return ("X-Amz-Date", time), ("Authorization", proof)


def _query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    encoded = ((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
