"""The public contract's fifteen endpoints are there, under their names."""

from __future__ import annotations

import pytest
from litestar import Litestar

ONE = "/api/v1/workflows/{workflow_id}"
ENDPOINTS = [
    ("POST", "/api/v1/workflows"),
    ("GET", "/api/v1/workflows"),
    ("GET", ONE),
    ("PATCH", ONE),
    ("DELETE", ONE),
    ("POST", f"{ONE}/activate"),
    ("POST", f"{ONE}/pause"),
    ("GET", f"{ONE}/stats"),
    ("GET", f"{ONE}/runs"),
    ("GET", f"{ONE}/runs/{{run_id}}"),
    ("POST", f"{ONE}/runs/{{run_id}}/cancel"),
    ("POST", f"{ONE}/trigger"),
    ("GET", f"{ONE}/versions"),
    ("POST", f"{ONE}/versions/{{version}}/revert"),
    ("POST", f"{ONE}/archive"),
    ("POST", f"{ONE}/versions"),
    ("GET", f"{ONE}/versions/{{version}}"),
    ("PATCH", f"{ONE}/draft"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_an_endpoint_of_the_contract(test_app: Litestar, method: str, path: str) -> None:
    paths = test_app.openapi_schema.paths or {}
    assert path in paths, sorted(known for known in paths if known.startswith("/api/v1/workflows"))
    operation = getattr(paths[path], method.lower())
    assert operation is not None and operation.summary
