"""What a browser does at the doors: reads the hidden fields of a form and sends them back."""

from __future__ import annotations

import html
import re

import httpx

EMAIL, PASSWORD = "ada@example.com", "four unrelated words"


def hidden_of(page: str) -> dict[str, str]:
    """The hidden fields of a page's first forms."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in reversed(found)}


async def form_of(client: httpx.AsyncClient, path: str = "/sign-in") -> dict[str, str]:
    """The hidden fields of the form at `path`."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return hidden_of(answer.text)


async def sign_in(
    client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD, **more: str
) -> httpx.Response:
    hidden = await form_of(client)
    return await client.post("/sign-in", data={**hidden, "email": email, "password": password, **more})


async def open_link(client: httpx.AsyncClient, token: str, path: str = "/sign-in/link") -> httpx.Response:
    """The page of a link, and its script that sends the fragment on."""
    return await client.post(path, data={**await form_of(client, path), "token": token})
