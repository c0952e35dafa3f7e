"""`/api/files`: the bytes of files, for those who may read them at the time of each request."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import format_datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from litestar import Controller, Request, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ASGIApp
from starlette.responses import FileResponse, StreamingResponse
from starlette.responses import Response as PlainResponse

from chat_app.accounts.schemas import Identity
from chat_app.api.dependencies import signed_in
from chat_app.api.openapi import RequestHeader
from chat_app.files.bucket import RemoteFile
from chat_app.files.disk import LocalFile
from chat_app.files.errors import NoSuchFile, OutOfRange
from chat_app.files.media_types import INLINE, UNKNOWN
from chat_app.files.names import content_disposition
from chat_app.files.queries import readable_file
from chat_app.node.node import Node

CACHING = "private, no-cache"
# Nothing in a file may run, load or send anything.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
THUMBNAIL_TYPE = "image/webp"
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
RANGES = RequestHeader("Range", "A part of the file.", f"^{RANGE.pattern}$", is_required=False)
PART = ResponseSpec(str, description="A part of it.")
UNCHANGED = ResponseSpec(None, description="The client has it already.")
AnyRequest = Request[Any, Any, Any]


class Span(NamedTuple):
    """The bytes from `start` to `stop`."""

    start: int
    stop: int


class FileReply(FileResponse):
    """A reply with a file, in pieces for which the trips to a thread cost little."""

    chunk_size = 256 * 1024


class FilesController(Controller):
    """Files of messages that the signed-in user may read, and own ones that are not sent yet."""

    path = "/api/files"
    guards = (signed_in,)
    tags = ("Files",)

    @get(
        "/{id:uuid}",
        media_types=[UNKNOWN, *INLINE],
        request_headers=[RANGES],
        responses={206: PART, 304: UNCHANGED},
        errors=[NoSuchFile, OutOfRange],
    )
    async def download(self, request: AnyRequest, me: Identity, node: Node, id: UUID) -> ASGIApp:
        """Return the bytes of a file, or a part of them, by `Range`."""
        file = await readable_file(node.database, viewer_id=me.user_id, file_id=id)
        is_shown = file.media_type in INLINE
        headers = {
            "ETag": f'"{file.id}"',
            "Content-Disposition": content_disposition(file.name, inline=is_shown),
        }
        media_type = file.media_type if is_shown else UNKNOWN
        stored = partial(node.file_storage.open, file.id)
        return await file_reply(request, stored, headers, media_type)

    @get(
        "/{id:uuid}/thumbnail",
        media_types=[THUMBNAIL_TYPE],
        request_headers=[RANGES],
        responses={206: PART, 304: UNCHANGED},
        errors=[NoSuchFile, OutOfRange],
    )
    async def thumbnail(self, request: AnyRequest, me: Identity, node: Node, id: UUID) -> ASGIApp:
        """Return the thumbnail of a file, a WebP of 320 pixels at most."""
        file = await readable_file(node.database, viewer_id=me.user_id, file_id=id)
        if not file.has_thumbnail:
            raise NoSuchFile
        stored = partial(node.file_storage.open, file.id, thumbnail=True)
        headers = {"ETag": f'"{file.id}-thumbnail"', "Content-Disposition": "inline"}
        return await file_reply(request, stored, headers, THUMBNAIL_TYPE)


async def file_reply(
    request: AnyRequest,
    open_stored: Callable[[], Awaitable[LocalFile | RemoteFile]],
    headers: dict[str, str],
    media_type: str,
) -> ASGIApp:
    """Return the reply with a file, or that the client has its `ETag`.

    Raises OutOfRange, and Unavailable where the file cannot be read.
    """
    headers = {
        "Cache-Control": CACHING,
        "Content-Security-Policy": SANDBOX,
        # Pages of other sites may not even embed it.
        "Cross-Origin-Resource-Policy": "same-site",
        **headers,
    }
    if _has(request, headers["ETag"]):
        reply: Any = PlainResponse(status_code=304, headers=headers)
    else:
        stored = await open_stored()
        span = _span(request, headers["ETag"], stored.size)
        if isinstance(stored, RemoteFile):
            reply = await _remote_reply(request, stored, span, headers, media_type)
        else:
            reply = _local_reply(request, stored, span, headers, media_type)
    app: ASGIApp = reply
    return app


def _local_reply(
    request: AnyRequest,
    stored: LocalFile,
    span: Span | None,
    headers: dict[str, str],
    media_type: str,
) -> FileReply:
    if span is None:
        # One that is ignored here would be answered there.
        others = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
        request.scope["headers"] = others
    return FileReply(stored.path, headers=headers, media_type=media_type, stat_result=stored.stat)


async def _remote_reply(
    request: AnyRequest,
    stored: RemoteFile,
    span: Span | None,
    headers: dict[str, str],
    media_type: str,
) -> PlainResponse:
    """Return a reply that reads a piece at a time: a slow client keeps no request to S3 open."""
    start, stop = span or Span(0, stored.size)
    headers |= {
        "Accept-Ranges": "bytes",
        "Content-Length": str(stop - start),
        "Last-Modified": format_datetime(stored.modified, usegmt=True),
    }
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stored.size}"
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return PlainResponse(None, status, headers, media_type)
    # Before the reply begins: what fails now is answered with an error.
    first = await stored.read(start, stop)
    return StreamingResponse(_pieces(stored, start, stop, first), status, headers, media_type)


async def _pieces(stored: RemoteFile, start: int, stop: int, first: bytes) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        yield piece
        start += len(piece)
        piece = await stored.read(start, stop) if start < stop else b""


def _span(request: AnyRequest, etag: str, size: int) -> Span | None:
    """Return the one range that is to be sent, None for all bytes. Raises OutOfRange.

    Others are ignored, as is allowed (RFC 9110, section 14.2): several ones, and those that cannot
    be read, or are of another content.
    """
    given = RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    if given is None or request.headers.get("if-range", etag).strip() != etag:
        return None
    first, last = given.groups()
    if first == last == "" or (first and last and int(last) < int(first)):
        return None
    if (first and int(first) >= size) or (not first and int(last) == 0):
        raise OutOfRange(size)
    if not first:
        return Span(max(0, size - int(last)), size)
    return Span(int(first), min(size, int(last) + 1) if last else size)


def _has(request: AnyRequest, etag: str) -> bool:
    """Return whether the client has the file already (RFC 9110, section 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or etag in {
        one.strip().removeprefix("W/") for one in known.split(",")
    }
