"""`/api/uploads`: uploads that may be resumed, by the protocol tus 1.0.

With its extensions creation, creation-with-upload, checksum, expiration and termination:
https://tus.io/protocols/resumable-upload
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.datastructures import ResponseHeader

from chat_app.accounts.schemas import Identity
from chat_app.api.dependencies import signed_in
from chat_app.api.openapi import RequestHeader
from chat_app.api.options import answer_options
from chat_app.core.errors import Invalid, RateLimited
from chat_app.files.errors import (
    AlreadySent,
    ChecksumMismatch,
    DiskFull,
    EmptyFile,
    FileTooLarge,
    MoreThanAnnounced,
    StorageUsedUp,
    UploadIsBusy,
    UploadNotFound,
    WrongBodyType,
    WrongOffset,
    WrongVersion,
)
from chat_app.files.names import clean_description, clean_name
from chat_app.files.queries import upload_state
from chat_app.files.schemas import NewUpload, Offset, Upload
from chat_app.files.uploads import ALGORITHMS, BodyCut, Checksum
from chat_app.node.node import Node

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
BODY_TYPE = "application/offset+octet-stream"
MAX_LENGTH_DIGITS = 18
MAX_METADATA = 8_192
AnyRequest = Request[Any, Any, Any]

RESUMABLE = ResponseHeader(name="Tus-Resumable", value=VERSION, description="The version of tus.")

SPEAKS_TUS = RequestHeader("Tus-Resumable", "The version of tus.", "^1\\.0\\.0$")
LENGTH = RequestHeader("Upload-Length", "The size of the file.", "^[0-9]{1,18}$")
OFFSET = RequestHeader("Upload-Offset", "How far the upload is.", "^[0-9]{1,18}$")
METADATA = RequestHeader(
    "Upload-Metadata",
    "The name of the file: `filename` and its UTF-8 in base64; then perhaps a `description` of it.",
    "^filename [A-Za-z0-9+/]{4,5400}={0,2}(, ?description [A-Za-z0-9+/]{4,3000}={0,2})?$",
    is_required=False,
)
CHECKSUM = RequestHeader(
    "Upload-Checksum",
    "An algorithm, and the digest of the body in base64.",
    "^(sha1|sha256) [A-Za-z0-9+/]+={0,2}$",
    is_required=False,
)


def check_version(request: AnyRequest) -> Response[None] | None:
    """Answer OPTIONS with what is supported. Raises WrongVersion for a client of another tus."""
    if request.method == "OPTIONS":
        return _supported(request)
    # A program that asks for the state speaks no tus; nor can HEAD be told from it here.
    if request.method != "GET" and request.headers.get("tus-resumable") != VERSION:
        raise WrongVersion
    return None


class UploadsController(Controller):
    """Uploads of the signed-in user."""

    path = "/api/uploads"
    guards = (signed_in,)
    tags = ("Files",)
    before_request = staticmethod(check_version)
    # The bytes are counted while they come.
    request_max_body_size = None
    response_headers = (RESUMABLE,)

    @post(
        "/",
        status_code=201,
        request_headers=[SPEAKS_TUS, LENGTH, METADATA, CHECKSUM],
        body_type=BODY_TYPE,
        errors=[
            Invalid,
            EmptyFile,
            FileTooLarge,
            StorageUsedUp,
            MoreThanAnnounced,
            ChecksumMismatch,
            WrongVersion,
            WrongBodyType,
            DiskFull,
            RateLimited,
        ],
    )
    async def create(self, request: AnyRequest, me: Identity, node: Node) -> Response[Upload]:
        """Announce an upload by `Upload-Length` and `Upload-Metadata: filename …`.

        There may be a `description`, too, for people who do not see it: its first 500 characters
        are kept. The first bytes may come along.
        """
        size = _number(request, "Upload-Length")
        given = _metadata(request.headers.get("upload-metadata", ""))
        name = clean_name(given.get("filename", ""))
        description = clean_description(given.get("description", ""))
        has_body = _has_body(request)
        if has_body:
            _check_body_type(request)
        checksum = _checksum(request)
        at = await node.uploads.create(NewUpload(me.user_id, name, size, description))
        if has_body:
            try:
                at = await node.uploads.receive(
                    owner_id=me.user_id,
                    upload_id=at.id,
                    offset=0,
                    body=_body(request),
                    checksum=checksum,
                    length=request.content_length,
                )
            except BaseException:
                # Its address was never told: nobody could go on with it, or discard it.
                discarding = node.uploads.discard(owner_id=me.user_id, upload_id=at.id)
                await asyncio.shield(discarding)
                raise
        headers = {**_headers(at), "Location": f"/api/uploads/{at.id}"}
        state = Upload(file=None, state="uploading" if at.received < at.size else "checking")
        return Response(state, status_code=201, headers=headers)

    @get("/{id:uuid}", errors=[UploadNotFound])
    async def state(self, me: Identity, node: Node, id: UUID) -> Response[Upload]:
        """Return the state of an upload, with its file once it is ready; HEAD: how far it is."""
        state, at = await upload_state(node.database, owner_id=me.user_id, upload_id=id)
        headers = {**_headers(at), "Upload-Length": str(at.size), "Cache-Control": "no-store"}
        return Response(state, headers=headers)

    @patch(
        "/{id:uuid}",
        status_code=204,
        request_headers=[SPEAKS_TUS, OFFSET, CHECKSUM],
        body_type=BODY_TYPE,
        errors=[
            Invalid,
            UploadNotFound,
            WrongOffset,
            UploadIsBusy,
            MoreThanAnnounced,
            ChecksumMismatch,
            WrongVersion,
            WrongBodyType,
            DiskFull,
        ],
    )
    async def append(
        self, request: AnyRequest, me: Identity, node: Node, id: UUID
    ) -> Response[None]:
        """Append bytes at `Upload-Offset`; after the last ones the file is checked."""
        _check_body_type(request)
        at = await node.uploads.receive(
            owner_id=me.user_id,
            upload_id=id,
            offset=_number(request, "Upload-Offset"),
            body=_body(request),
            checksum=_checksum(request),
            length=request.content_length,
        )
        return Response(None, status_code=204, headers=_headers(at))

    @delete(
        "/{id:uuid}",
        status_code=204,
        request_headers=[SPEAKS_TUS],
        errors=[UploadNotFound, AlreadySent, WrongVersion],
    )
    async def discard(self, me: Identity, node: Node, id: UUID) -> None:
        """Discard an upload, or a file that was not sent."""
        await node.uploads.discard(owner_id=me.user_id, upload_id=id)


def _supported(request: AnyRequest) -> Response[None] | None:
    answer = answer_options(request)
    if answer is not None:
        node: Node = request.app.state.node
        answer.headers.update(
            {
                "Tus-Resumable": VERSION,
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(node.uploads.max_size),
                "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            }
        )
    return answer


def _headers(at: Offset) -> dict[str, str]:
    headers = {"Upload-Offset": str(at.received)}
    if at.received < at.size:
        headers["Upload-Expires"] = format_datetime(at.expires_at, usegmt=True)
    return headers


def _has_body(request: AnyRequest) -> bool:
    return "transfer-encoding" in request.headers or bool(request.content_length)


async def _body(request: AnyRequest) -> AsyncIterator[bytes]:
    while True:
        event = await request.receive()
        if event["type"] != "http.request":
            raise BodyCut
        if event["body"]:
            yield event["body"]
        if not event["more_body"]:
            return


def _check_body_type(request: AnyRequest) -> None:
    if request.headers.get("content-type", "").strip().lower() != BODY_TYPE:
        raise WrongBodyType


def _number(request: AnyRequest, header: str) -> int:
    given = request.headers.get(header.lower(), "")
    if not given.isascii() or not given.isdigit() or len(given) > MAX_LENGTH_DIGITS:
        raise Invalid({header: "This must be a number of bytes."})
    return int(given)


def _metadata(metadata: str) -> dict[str, str]:
    """Return what `Upload-Metadata` says of the file. Raises Invalid."""
    if len(metadata) > MAX_METADATA:
        raise Invalid({"Upload-Metadata": f"This has more than {MAX_METADATA:,} characters."})
    pairs = [pair.strip().split(" ", 1) for pair in metadata.split(",") if pair.strip()]
    values = {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}
    given = {}
    for name in ("filename", "description"):
        try:
            given[name] = base64.b64decode(values.get(name, ""), validate=True).decode()
        except ValueError:
            raise Invalid({"Upload-Metadata": f"The {name} must be UTF-8 in base64."}) from None
    return given


def _checksum(request: AnyRequest) -> Checksum | None:
    """Return what `Upload-Checksum` says. Raises Invalid for an unknown algorithm."""
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in ALGORITHMS or not digest:
        known = " or ".join(ALGORITHMS)
        raise Invalid({"Upload-Checksum": f"This must be {known} and a digest in base64."})
    return Checksum(algorithm, digest)
