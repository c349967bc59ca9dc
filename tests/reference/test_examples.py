"""The requests that the reference shows are taken: each body fits the schema that it is made from."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import jsonschema_rs
import pytest
from litestar import Litestar

from app.reference import examples
from app.reference.document import ApiReference
from app.reference.pages import reference_of


@pytest.fixture
async def reference(app_under_test: Litestar) -> ApiReference:
    return await reference_of(app_under_test)


def fits(reference: ApiReference, schema: Any, value: Any) -> list[str]:
    # The patterns are Python's, whose end of a text has another name.
    document = json.dumps({**schema, "components": reference.source["components"]}).replace("\\\\Z", "$")
    validator = jsonschema_rs.Draft202012Validator(json.loads(document))
    return [f"{one.instance_path}: {one.message[:200]}" for one in validator.iter_errors(value)]


async def test_bodies_of_examples_fit_their_schemas(reference: ApiReference) -> None:
    wrong = {
        f"{operation.method} {operation.path}": misfits
        for resource in reference.resources.values()
        for operation in resource.operations
        if operation.body is not None and operation.media_type == "application/json"
        if (misfits := fits(reference, operation.body, examples.sample(reference, operation.body)))
    }
    assert not wrong


async def test_a_request_is_a_command_that_a_shell_reads(reference: ApiReference) -> None:
    for resource in reference.resources.values():
        for operation in resource.operations:
            words = shlex.split(examples.curl(reference, operation).replace("\\\n", ""))
            assert words[0] == "curl" and "{" not in next(word for word in words if word.startswith("http"))
            if "-d" in words:
                json.loads(words[words.index("-d") + 1])
            assert ("-X" in words) == (operation.method != "GET")
            assert re.fullmatch(r"[a-z0-9-]+", operation.anchor)
