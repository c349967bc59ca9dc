"""URLs that users write have one form, and odd ones have none."""

from __future__ import annotations

import pytest

from app.lib.http_url import BadUrl, read_url


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "https://", "ftp://x.example/", "https://a.example:99999/", "https://a.example:0/", "https://a.example:/",
     "https://a.example/a/../b", "https://a.example/%2e%2e/b", "https://a..b/", "https://a.example/" + "x" * 8_000],
)  # fmt: skip
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadUrl) as fault:
        read_url(url)
    assert str(fault.value).endswith(".")


def test_one_form_of_a_url() -> None:
    assert str(read_url(" HTTPS://API.Example.com:443?a=1 ")) == "https://api.example.com/?a=1"
    assert read_url("http://[2606:4700::1]:81/x").origin == "http://[2606:4700::1]:81"
