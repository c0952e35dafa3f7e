"""Rows of files: what a page gets of them, and what lists say of messages without a text."""

from uuid import uuid4

import pytest
from msgspec.structs import replace

from chat_app.realtime.shapes import File
from chat_app.ui.files.rows import files_text
from chat_app.ui.messages.rows import message_row
from chat_app.ui.saved.rows import found_row
from tests.harness.messages import NOW, message, person
from tests.harness.texts import in_english

ME, TOMAS = uuid4(), person("Tomas", uuid4())


def file(name: str, media_type: str) -> File:
    file_id = uuid4()
    return File(
        id=file_id,
        name=name,
        media_type=media_type,
        size=5,
        width=None,
        height=None,
        description=None,
        duration=None,
        thumbnail_url=None,
        placeholder=None,
        url=f"/api/files/{file_id}",
    )


PICTURE = replace(
    file("boat.png", "image/png"), width=4, height=3, thumbnail_url="/t", placeholder="data:,"
)
MESSAGE = message(
    TOMAS,
    content="",
    attachments=(PICTURE, file("plan.txt", "application/octet-stream")),
)


def test_a_message_has_rows_of_its_files_and_a_deleted_one_has_none() -> None:
    picture, plan = message_row(MESSAGE, viewer_id=ME)["files"]

    assert (picture["width"], picture["height"], picture["thumb"]) == (4, 3, "/t")
    assert (plan["width"], plan["thumb"], plan["placeholder"]) == (0, "", "")
    assert message_row(replace(MESSAGE, deleted_at=NOW), viewer_id=ME)["files"] == []


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ((), ""),
        ((PICTURE,), "Photo"),
        ((PICTURE, PICTURE), "2 photos"),
        (MESSAGE.attachments, "2 files"),
        ((file("Voice message.webm", "video/webm"),), "Voice message"),
        ((file("a.webm", "video/webm"),), "Video"),
        ((file("a.mp3", "audio/mpeg"),), "Audio: a.mp3"),
        ((file("a.svg", "image/svg+xml"),), "File: a.svg"),
    ],
)
def test_files_are_named_by_their_kind(files: tuple[File, ...], text: str) -> None:
    assert in_english(files_text(files)) == text


def test_a_list_of_messages_names_the_files_of_one_without_a_text() -> None:
    shown = found_row(MESSAGE, 0, viewer_id=ME, about="")["text"]
    assert in_english(shown) == "2 files"
    words = replace(MESSAGE, content="Ours")
    assert found_row(words, 0, viewer_id=ME, about="")["text"] == "Ours"
