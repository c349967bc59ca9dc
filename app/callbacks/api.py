"""`/api/callbacks/{token}`, which providers call with what became of messages."""

from __future__ import annotations

from litestar import MediaType, Response, get, post
from litestar.params import FromPath

from app.accounts.deps import AppRequest, Database
from app.callbacks.receiving import MOST_BYTES, CallbackRequest, NoSuchCallback, receive
from app.web.bodies import TAKES_BYTES
from app.web.rate_limit import CALLBACKS, refuse_wrong_webhooks

CALLED = CALLBACKS + "{token:str}"


async def _answered(request: AppRequest, session: Database, token: str, body: bytes) -> Response[str]:
    came = CallbackRequest(
        method=request.method,
        token=token,
        query_text=request.scope["query_string"].decode("latin-1"),
        query={name: str(value) for name, value in request.query_params.items()},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )
    try:
        text = await receive(session, came)
    except NoSuchCallback:
        refuse_wrong_webhooks(request.scope)
        raise
    return Response(text, media_type=MediaType.TEXT, status_code=200)


@get(CALLED, public=True, any_query=True)
async def challenge_callback(request: AppRequest, db_session: Database, token: FromPath[str]) -> Response[str]:
    """Some providers ask first whether the address is ours."""
    return await _answered(request, db_session, token, b"")


@post(CALLED, public=True, any_query=True, csrf_exempt=True, status_code=200, opt={TAKES_BYTES: MOST_BYTES})
async def take_callback(request: AppRequest, db_session: Database, token: FromPath[str]) -> Response[str]:
    """What became of messages, signed as the provider signs. The answer comes after the commit; the same report counts once.

    401 without a signature that fits, 404 for an address that is none, 429 while too much of it waits.
    """
    return await _answered(request, db_session, token, await request.body())


ROUTES = [challenge_callback, take_callback]
