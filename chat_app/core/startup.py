"""How a process that cannot start says why: in words, without a trace."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from chat_app.core.errors import CannotStart

FAILED = "lifespan.startup.failed"


async def live(
    app: Callable[..., Awaitable[None]],
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Run an ASGI application's lifespan; the words of CannotStart are all that is told of it."""
    failed: list[MutableMapping[str, Any]] = []

    async def pass_on(message: MutableMapping[str, Any]) -> None:
        if message["type"] == FAILED:
            failed.append(message)
        else:
            await send(message)

    try:
        await app(scope, receive, pass_on)
    except Exception as error:
        reason = _why_it_cannot_start(error)
        if reason is None:
            raise
        failed = [{"type": FAILED, "message": str(reason)}]
    finally:
        for message in failed:
            await send(message)


def _why_it_cannot_start(error: Exception) -> CannotStart | None:
    # Litestar puts whatever its lifespan raises into a group.
    if isinstance(error, ExceptionGroup):
        return next(filter(None, map(_why_it_cannot_start, error.exceptions)), None)
    return error if isinstance(error, CannotStart) else None
