"""Files of the tests: pictures, and uploads as a program makes them."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from PIL import Image

from chat_app.files.disk import Disk
from chat_app.files.queries import upload_state
from chat_app.files.schemas import NewUpload
from chat_app.node.node import Node
from tests.harness.clients import PATIENCE_S, Json, Person, as_json
from tests.harness.servers import ChatServer

TUS = {"Tus-Resumable": "1.0.0"}
BODY = {**TUS, "Content-Type": "application/offset+octet-stream"}
ORIENTATION, GPS = 0x0112, 0x8825


def metadata(name: str, description: str = "") -> str:
    """Return the header that names an upload, and perhaps describes it."""
    given = {"filename": name} | ({"description": description} if description else {})
    pairs = ((key, base64.b64encode(one.encode()).decode()) for key, one in given.items())
    return ",".join(map(" ".join, pairs))


async def announce(
    person: Person, size: int, name: str = "file.bin", description: str = ""
) -> httpx.Response:
    """Announce an upload."""
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(name, description)}
    return await person.http.post("/api/uploads", headers=headers)


async def new_upload(person: Person, size: int, name: str = "file.bin") -> str:
    """Announce an upload and return its address."""
    reply = await announce(person, size, name)
    assert reply.status_code == 201, reply.text
    return str(reply.headers["location"])


async def append(
    person: Person, address: str, data: bytes, offset: int = 0, **headers: str
) -> httpx.Response:
    """Append bytes to an upload."""
    sent = {**BODY, "Upload-Offset": str(offset)} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await person.http.patch(address, content=data, headers=sent)


async def offset_of(person: Person, address: str) -> int:
    """Return how far an upload is."""
    reply = await person.http.head(address, headers=TUS)
    assert reply.status_code == 200
    return int(reply.headers["upload-offset"])


async def checked(person: Person, address: str) -> Json:
    """Wait until an upload was checked, and return its state."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            state = as_json(await person.http.get(address))
            if state["state"] not in ("uploading", "checking"):
                return state
            await asyncio.sleep(0.05)


async def uploaded(person: Person, data: bytes, name: str = "file.bin") -> Json:
    """Upload bytes in one request and return the state after the check."""
    headers = {**BODY, "Upload-Length": str(len(data)), "Upload-Metadata": metadata(name)}
    reply = await person.http.post("/api/uploads", content=data, headers=headers)
    assert reply.status_code == 201, reply.text
    assert reply.headers["upload-offset"] == str(len(data))
    return await checked(person, reply.headers["location"])


async def new_file(person: Person, data: bytes = b"some bytes", name: str = "file.bin") -> Json:
    """Upload a file that is ready to be sent, and return it."""
    state = await uploaded(person, data, name)
    assert state["state"] == "ready", state
    file: Json = state["file"]
    return file


async def begin_file(node: Node, owner_id: UUID, data: bytes) -> UUID:
    """Upload a file, which is checked then, and return its id."""

    async def body() -> AsyncIterator[bytes]:
        yield data

    at = await node.uploads.create(NewUpload(owner_id, "file.bin", len(data)))
    await node.uploads.receive(owner_id=owner_id, upload_id=at.id, offset=0, body=body())
    return at.id


async def ready_file(node: Node, owner_id: UUID, data: bytes = b"some bytes") -> UUID:
    """Upload a file and return its id once it is ready to be sent."""
    file_id = await begin_file(node, owner_id, data)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            state, _ = await upload_state(node.database, owner_id=owner_id, upload_id=file_id)
            if state.state == "ready":
                return file_id
            await asyncio.sleep(0.01)


def disk_of(node: Node) -> Disk:
    """Return the disk of a node that has its files there."""
    assert isinstance(node.file_storage, Disk)
    return node.file_storage


def bytes_of(chat: ChatServer, file_id: str) -> list[Path]:
    """Return all that a chat has of a file on its disk."""
    folder = Path(chat.settings["CHAT_DATA_DIR"]) / "files"
    return sorted(folder.rglob(f"{UUID(file_id).hex}*"))


async def removed(chat: ChatServer, *file_ids: str) -> None:
    """Wait until a chat has nothing of files on its disk."""
    async with asyncio.timeout(PATIENCE_S):
        while any(bytes_of(chat, one) for one in file_ids):
            await asyncio.sleep(0.05)


def picture(
    kind: str = "JPEG",
    size: tuple[int, int] = (40, 30),
    *,
    orientation: int = 1,
    with_place: bool = False,
    **options: Any,  # noqa: ANN401  # Pillow's
) -> bytes:
    """Return a picture: its left half is red, its right half blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    if orientation != 1:
        exif[ORIENTATION] = orientation
    if with_place:
        exif.get_ifd(GPS)[1] = "N"
        exif.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
        exif[0x010E] = "a secret description"
    if len(exif):
        options["exif"] = exif
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return a decoded picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
