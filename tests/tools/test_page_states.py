"""The list of all pages holds all pages: who adds one adds it there, or says why not."""

from __future__ import annotations

import inspect
import re
from collections import Counter

from app import features
from tools.dev.page_states import NO_PAGES, PARTS, STATES
from tools.dev.showcase import _FIRST

PAGES = ("Template", "Page", "WebPage")


def routes_of_pages() -> set[str]:
    """Routes whose handlers answer a page or a part of one, without the types of parameters."""
    return {
        re.sub(r":\w+\}", "}", path)
        for handler in features.routes()
        if "GET" in getattr(handler, "http_methods", ())
        for path in handler.paths
        if not path.startswith("/api/")
        and re.search(rf"\b({'|'.join(PAGES)})\b", str(inspect.signature(handler.fn).return_annotation))
    }


def test_every_page_stands_in_the_list() -> None:
    listed = {one.route for one in STATES}
    assert routes_of_pages() - listed - NO_PAGES.keys() - PARTS == set()
    assert (listed | NO_PAGES.keys() | PARTS) - routes_of_pages() == set()
    assert not listed & NO_PAGES.keys() and not listed & PARTS


def test_every_state_has_a_name_of_its_own_and_an_address_that_can_be_filled() -> None:
    assert [name for name, count in Counter(one.name for one in STATES).items() if count > 1] == []
    wanted = {name for one in STATES for name in re.findall(r"\{(\w+)\}", one.address)}
    assert wanted <= _FIRST.keys() | {"unsubscribe", "user", "draft", "small", "segment", "endpoint"}
