"""Replies with long lists, encoded and sent with other tasks between the steps."""

import asyncio
from typing import Any, TypeVar

import msgspec
from litestar import MediaType, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

from chat_app.core.large_json import encode_large

Content = TypeVar("Content", bound=msgspec.Struct)


class LargeReply(Response[Content]):
    """A reply whose body is encoded already."""

    def __init__(self, content: Content, chunks: list[bytes]) -> None:
        super().__init__(content, media_type=MediaType.JSON)
        self._chunks = chunks

    def to_asgi_response(self, *_: Any, **options: Any) -> ASGIResponse:  # noqa: ANN401  # Litestar's own
        """Return the response that sends the chunks."""
        names = ("background", "cookies", "is_head_response")
        kept = {name: options[name] for name in names if name in options}
        headers = {**(options.get("headers") or {}), **self.headers}
        return _ChunkedResponse(self._chunks, media_type=self.media_type, headers=headers, **kept)


class _ChunkedResponse(ASGIResponse):
    __slots__ = ("_chunks",)

    def __init__(self, chunks: list[bytes], **options: Any) -> None:  # noqa: ANN401  # Litestar's own
        super().__init__(content_length=sum(map(len, chunks)), **options)
        self._chunks = chunks

    async def send_body(self, send: Send, receive: Receive) -> None:  # noqa: ARG002  # Litestar's own
        for chunk in self._chunks[:-1]:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": self._chunks[-1], "more_body": False})


async def large_reply(content: Content) -> Response[Content]:
    """Return a reply with `content`."""
    return LargeReply(content, await encode_large(content))
