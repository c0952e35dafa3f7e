"""Where the files of an archive are: what is removed meanwhile is left out, never cut short."""

import pytest

from chat_app.archive import places
from chat_app.archive.places import Objects
from chat_app.core.bucket import Bucket, Piece, open_bucket
from tests.harness.s3 import TestBucket

NAME = f"00/{'0' * 32}"


async def test_an_object_that_is_removed_while_it_is_copied_is_left_out(
    bucket: TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "PIECE", 4)
    read = Bucket.read

    async def read_and_delete(opened: Bucket, name: str, start: int, stop: int) -> Piece:
        piece = await read(opened, name, start, stop)
        await opened.delete([name])
        return piece

    with bucket.used(), open_bucket(bucket.url) as opened:
        files = Objects(opened, bucket.url)
        await opened.put(NAME, b"123456789")
        assert await files.names() == [NAME]
        assert [piece async for piece in files.pieces(NAME)] == [b"1234", b"5678", b"9"]

        monkeypatch.setattr(Bucket, "read", read_and_delete)
        with pytest.raises(FileNotFoundError):
            await anext(files.pieces(NAME))
