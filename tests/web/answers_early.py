"""An application whose requests stay open after their answers, as a server at its worst does it; run by granian."""

from __future__ import annotations

import asyncio
from typing import Any

from app.web.connection_close import ConnectionClose


async def answers(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the status that is the path; `/read/…` reads first what comes. Then rest for ever."""
    if scope["type"] != "http":
        return
    if scope["path"].startswith("/read/"):
        await receive()
    if scope["path"].startswith("/whole/"):
        while (await receive())["more_body"]:
            pass
    status = int(scope["path"].rpartition("/")[2])
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done", "more_body": False})
    if status != 200:
        await asyncio.Event().wait()


app = ConnectionClose(answers, seconds=0.3)
