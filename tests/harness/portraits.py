"""Drawn avatars for the people of the demo, so that screenshots show pictures beside initials."""

import io
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
from PIL import Image, ImageDraw

from tests.harness.files import BODY, metadata

SIDE = 400
# What is behind somebody, their hair, face and clothes.
COLOURS = (
    ("#f3d9b1", "#3b2a20", "#e0ac85", "#2f6f9f"),
    ("#b8d8d0", "#8a4b22", "#f1c9a5", "#7c3f58"),
    ("#20303c", "#d8b04a", "#c68a5e", "#e8e4da"),
    ("#ffffff", "#1d1d1f", "#8d5a3a", "#c4453c"),
    ("#0e0e10", "#6b6b70", "#f0d2b8", "#3f7d4e"),
)


def portrait(number: int) -> bytes:
    """Return a drawn portrait, bright ones and dark ones among them."""
    behind, hair, face, clothes = COLOURS[number % len(COLOURS)]
    image = Image.new("RGB", (SIDE, SIDE + 40 * (number % 3)), behind)
    draw = ImageDraw.Draw(image)
    draw.ellipse((110, 50, 290, 260), fill=hair)
    draw.ellipse((60, 270, 340, 560), fill=clothes)
    draw.ellipse((135, 85, 265, 270), fill=face)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def upload(client: httpx.Client, data: bytes, name: str = "portrait.png") -> str:
    """Upload a file and return its id, once it is ready."""
    headers = {**BODY, "Upload-Length": str(len(data)), "Upload-Metadata": metadata(name)}
    reply = client.post("/api/uploads", content=data, headers=headers).raise_for_status()
    address = reply.headers["location"]
    while (state := client.get(address).raise_for_status().json()["state"]) == "checking":
        time.sleep(0.05)
    assert state == "ready", (name, state)
    return str(address.rpartition("/")[2])


def set_avatars(
    usernames: list[str], signed_in: Callable[[str], AbstractContextManager[httpx.Client]]
) -> None:
    """Give people avatars, who are signed in by a function."""
    for number, username in enumerate(usernames):
        with signed_in(username) as client:
            body = {"file_id": upload(client, portrait(number))}
            client.put("/api/users/me/avatar", json=body).raise_for_status()
