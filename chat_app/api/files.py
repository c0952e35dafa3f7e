"""`/api/files`: the bytes of files, for those who may read them at the time of each request."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ASGIApp
from starlette.responses import FileResponse
from starlette.responses import Response as PlainResponse

from chat_app.accounts.schemas import Identity
from chat_app.api.dependencies import signed_in
from chat_app.api.openapi import RequestHeader
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
        return await file_reply(request, node, node.disk.path(file.id), headers, media_type)

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
        path = node.disk.thumbnail_path(file.id)
        headers = {"ETag": f'"{file.id}-thumbnail"', "Content-Disposition": "inline"}
        return await file_reply(request, node, path, headers, THUMBNAIL_TYPE)


async def file_reply(
    request: AnyRequest, node: Node, path: Path, headers: dict[str, str], media_type: str
) -> ASGIApp:
    """Return the reply with a file, or that the client has its `ETag`.

    Raises OutOfRange and BytesMissing.
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
        stat = await node.disk.stat(path)
        if not _has_range(request, headers["ETag"], stat.st_size):
            others = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
            request.scope["headers"] = others
        reply = FileReply(path, headers=headers, media_type=media_type, stat_result=stat)
    app: ASGIApp = reply
    return app


def _has_range(request: AnyRequest, etag: str, size: int) -> bool:
    """Return whether one range is to be sent. Raises OutOfRange.

    Others are ignored, as is allowed (RFC 9110, section 14.2): several ones, and those that cannot
    be read, or are of another content.
    """
    given = RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    if given is None or request.headers.get("if-range", etag).strip() != etag:
        return False
    first, last = given.groups()
    if first == last == "" or (first and last and int(last) < int(first)):
        return False
    if (first and int(first) >= size) or (not first and int(last) == 0):
        raise OutOfRange(size)
    return True


def _has(request: AnyRequest, etag: str) -> bool:
    """Return whether the client has the file already (RFC 9110, section 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or etag in {
        one.strip().removeprefix("W/") for one in known.split(",")
    }
