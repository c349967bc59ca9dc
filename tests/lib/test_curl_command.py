"""A curl command as the settings of a step: what documentation and browsers give, what is refused in words, and anything at all."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.curl_command import METHODS, CurlUnreadable, read_curl, shell_words


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("curl https://a.example/x", {"method": "GET", "url": "https://a.example/x", "body": {"type": "none"}}),
        ("curl a.example", {"url": "https://a.example"}),
        (
            "$ curl -sSL -XDELETE 'https://a.example/x?y=1&z=2'",
            {"method": "DELETE", "url": "https://a.example/x?y=1&z=2", "followRedirects": True},
        ),
        (
            "curl -X POST https://a.example/o \\\n  -H 'Content-Type: application/json' \\\n  -H \"X-Source: shop\" \\\n  -d '{\"a\": 1}'",
            {"method": "POST", "headers": {"X-Source": "shop"}, "body": {"type": "json", "value": '{"a": 1}'}},
        ),
        (
            "curl https://a.example -d a=1 --data-urlencode 'b=x y&z'",
            {"method": "POST", "body": {"type": "form", "value": {"a": "1", "b": "x y&z"}}},
        ),
        ("curl https://a.example -d a=1 -d a=2", {"body": {"type": "form", "value": {"a": ["1", "2"]}}}),
        (
            "curl -G https://a.example?x=1 -d q=2",
            {"method": "GET", "url": "https://a.example?x=1&q=2", "body": {"type": "none"}},
        ),
        (
            "curl --json '{\"a\": \"it''s\"}' --url https://a.example",
            {"body": {"type": "json", "value": '{"a": "its"}'}},
        ),
        (
            "curl https://a.example --data-raw $'{\"a\": \"\\u00e9\\'\"}' -H 'content-type: application/json'",
            {"body": {"type": "json", "value": '{"a": "é\'"}'}},
        ),
        (
            "curl https://a.example --data-binary '<a/>' -H 'Content-Type: text/xml'",
            {"body": {"type": "raw", "value": "<a/>"}, "headers": {"Content-Type": "text/xml"}},
        ),
        ("curl -I https://a.example -m 12.4", {"method": "HEAD", "timeout": 12}),
        ("curl --request=PATCH --header='A: b' https://a.example", {"method": "PATCH", "headers": {"A": "b"}}),
    ],
)
def test_commands_of_documentation(command: str, expected: dict[str, Any]) -> None:
    settings = read_curl(command).settings
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(
    "secret",
    [
        "-u shop:s3cret",
        "--oauth2-bearer s3cret",
        "-b session=s3cret",
        "-H 'Authorization: Bearer s3cret'",
        "-H 'X-Api-Key: s3cret'",
    ],
)
def test_credentials_are_not_taken_over_and_it_is_said_where_they_belong(secret: str) -> None:
    request = read_curl(f"curl https://a.example {secret}")
    assert "s3cret" not in json.dumps(request.settings) + str(request.notes)
    assert len(request.notes) == 1 and "connector" in request.notes[0] and request.headers == {}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "begins with curl"),
        ("wget https://a.example", "begins with curl"),
        ("curl", "no URL"),
        ("curl a.example b.example", "several URLs"),
        ("curl a.example -F file=@x", "parts"),
        ("curl a.example -d @body.json", "a file"),
        ("curl a.example -k", "Certificates"),
        ("curl 'a.example", "not closed"),
        ("curl a.example | jq .", "alone"),
        ("curl a.example?x=1&y=2", "between quotes"),
        ("curl a.example -H", "missing behind -H"),
        ("curl a.example -H nonsense", "no header"),
        ("curl a.example --proxy x", "--proxy is not known"),
        ("curl a.example -X BREW", "none of GET"),
        ("curl a.example -X GET -d a=1", "no body"),
        ("curl a.example -m soon", "no number"),
        ("curl " + "x" * 100_001, "longer than"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_in_words(command: str, words: str) -> None:
    with pytest.raises(CurlUnreadable, match=words):
        read_curl(command)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30), max_size=6))
def test_words_that_a_shell_would_quote_come_back(words: list[str]) -> None:
    assert shell_words(" ".join(map(shlex.quote, words))) == words


@given(st.text(max_size=300))
def test_anything_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        read_curl(f"curl {text}")
    except CurlUnreadable as error:
        assert str(error).endswith((".", "?"))


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([method for method in METHODS if method not in ("GET", "HEAD")]),
    st.from_regex(r"\AX-[A-Z][a-z]{1,8}\Z"),
    st.from_regex(r"\A[ -~]{0,20}\Z"),
    JSONS,
)
def test_a_request_of_json_comes_back_as_it_was_written(method: str, name: str, value: str, body: Any) -> None:
    text = json.dumps(body)
    command = f"curl -X {method} {shlex.quote('https://a.example/p?q=1')} -H {shlex.quote(f'{name}: {value}')} --json {shlex.quote(text)}"
    settings = read_curl(command).settings
    assert settings["method"] == method and settings["url"] == "https://a.example/p?q=1"
    assert settings["body"]["type"] == "json" and json.loads(settings["body"]["value"]) == body
    assert settings["headers"] in ({name: value.strip()}, {}), "empty only where the name sounds like credentials"
