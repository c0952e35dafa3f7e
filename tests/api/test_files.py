"""Files as they are served: whole and in parts, cached, and inert unless they are listed."""

from pathlib import Path

import pytest

from tests.harness.cases import case
from tests.harness.clients import Person, assert_problem
from tests.harness.files import append, checked, new_file, new_upload, opened, picture, uploaded

DATA = bytes(range(256)) * 300
SCRIPTS = {
    "page.html": b"<!doctype html><script>alert(1)</script>",
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "data.xml": b"<?xml version='1.0'?><?xml-stylesheet href='x'?><x/>",
    "paper.pdf": b"%PDF-1.7\n",
    "picture.png": b"<html><script>alert(1)</script></html>",
    "polyglot.jpg": b"\xff\xd8\xff<html><script>alert(1)</script></html>",
}


async def test_a_file_is_served_whole_and_in_parts(alice: Person) -> None:
    url = (await new_file(alice, DATA))["url"]

    whole = await alice.http.get(url)
    assert (whole.status_code, whole.content) == (200, DATA)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-length"] == str(len(DATA))
    for given, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=76000-", 76_000, len(DATA) - 1),
        ("bytes=-10", len(DATA) - 10, len(DATA) - 1),
        ("bytes=10-999999", 10, len(DATA) - 1),
    ):
        with case(given):
            part = await alice.http.get(url, headers={"Range": given})
            assert (part.status_code, part.content) == (206, DATA[first : last + 1])
            assert part.headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"


async def test_a_range_that_cannot_be_served_is_refused_or_ignored(alice: Person) -> None:
    url = (await new_file(alice, DATA))["url"]

    for given in (f"bytes={len(DATA)}-", "bytes=-0"):
        with case(given):
            reply = await alice.http.get(url, headers={"Range": given})
            assert_problem(reply, 416, "range_not_satisfiable")
            assert reply.headers["content-range"] == f"bytes */{len(DATA)}"
    for given in ("bytes=5-1", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes=1"):
        with case(given):
            reply = await alice.http.get(url, headers={"Range": given})
            assert (reply.status_code, reply.content) == (200, DATA)
    other = {"Range": "bytes=0-1", "If-Range": '"another"'}
    assert (await alice.http.get(url, headers=other)).status_code == 200


async def test_a_file_is_sent_once_to_a_cache(alice: Person) -> None:
    file = await new_file(alice, picture(), "picture.jpg")

    for url in (file["url"], file["thumbnail_url"]):
        first = await alice.http.get(url)
        assert first.headers["cache-control"] == "private, no-cache"
        etag = first.headers["etag"]
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            with case(url, known):
                again = await alice.http.get(url, headers={"If-None-Match": known})
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == etag
        changed = await alice.http.get(url, headers={"If-None-Match": '"x"'})
        assert changed.status_code == 200


@pytest.mark.parametrize("name", SCRIPTS)
async def test_what_may_run_is_inert(alice: Person, name: str) -> None:
    data = SCRIPTS[name]
    file = await new_file(alice, data, name)

    reply = await alice.http.get(file["url"])

    assert reply.content == data
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-site"
    assert file["thumbnail_url"] is None
    assert_problem(await alice.http.get(f"{file['url']}/thumbnail"), 404)


async def test_a_picture_is_shown_and_has_a_thumbnail(alice: Person) -> None:
    file = await new_file(alice, picture("PNG", (640, 480), with_place=True), "übersicht.exe")

    assert file["media_type"] == "image/png"
    assert (file["width"], file["height"]) == (640, 480)
    assert file["placeholder"].startswith("data:image/webp;base64,")
    reply = await alice.http.get(file["url"])
    assert reply.headers["content-type"] == "image/png"
    named = "inline; filename=\"_bersicht.exe\"; filename*=UTF-8''%C3%BCbersicht.exe"
    assert reply.headers["content-disposition"] == named
    assert reply.headers["content-security-policy"].startswith("sandbox")
    assert len(reply.content) == file["size"]
    assert b"secret" not in reply.content
    thumbnail = await alice.http.get(file["thumbnail_url"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert opened(thumbnail.content).size == (320, 240)


async def test_a_heic_is_served_as_a_jpeg(alice: Person) -> None:
    sample = Path(__file__).parents[1] / "files" / "sample.heic"

    file = await new_file(alice, sample.read_bytes(), "IMG_0001.HEIC")

    assert (file["name"], file["media_type"]) == ("IMG_0001.jpg", "image/jpeg")
    assert opened((await alice.http.get(file["url"])).content).format == "JPEG"


async def test_a_refused_picture_leaves_nothing(alice: Person) -> None:
    data = picture("JPEG", (300, 300))

    state = await uploaded(alice, data[:-1_000], "broken.jpg")

    assert state == {"file": None, "state": "refused", "code": "unreadable_picture"}


async def test_head_and_a_stranger_get_no_bytes(alice: Person, bob: Person) -> None:
    file = await new_file(alice, picture(), "picture.jpg")
    address = await new_upload(alice, 4)
    unfinished = f"/api/files/{address.rpartition('/')[2]}"

    head = await alice.http.head(file["url"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(file["size"])
    for url in (file["url"], file["thumbnail_url"]):
        assert_problem(await bob.http.get(url), 404)
    assert_problem(await alice.http.get(unfinished), 404)
    await append(alice, address, b"1234")
    await checked(alice, address)
    assert (await alice.http.get(unfinished)).content == b"1234"
