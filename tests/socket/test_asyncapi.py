"""The AsyncAPI document: valid, complete, and true of a running chat.

The fixture in conftest.py compares each frame that any test here receives with the document.
"""

import json
from pathlib import Path
from typing import get_args

import jsonschema_rs

from chat_app.api import frames
from chat_app.realtime import events
from tests.harness.cases import case
from tests.harness.clients import Json, Person, as_json, http_client
from tests.harness.documented_frames import complaints, document
from tests.harness.servers import ChatServer

SCHEMA = Path(__file__).parent / "asyncapi" / "3.0.0.json"
SOME_ID = "0192f3a4-5b6c-7d8e-9f00-112233445566"


async def test_the_document_is_valid(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        served = as_json(await client.get("/api/asyncapi.json"))
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))

    assert [error.message for error in validator.iter_errors(served)] == []
    # As JSON: a default of no members is a tuple here.
    own = json.loads(json.dumps(document()["components"]["schemas"]))
    assert served["components"]["schemas"] == own
    assert chat.url.endswith(served["servers"]["chat"]["host"])


def test_every_frame_and_event_is_in_the_document() -> None:
    answers = {kind for kind in vars(frames).values() if _is_server_frame(kind)}
    all_events = {*get_args(events.AnyEvent), events.Batch}
    kinds = {*get_args(frames.AnyClientFrame), *all_events, *answers}

    assert {kind.__name__ for kind in kinds} == document()["components"]["messages"].keys()


def test_every_close_code_is_in_the_document() -> None:
    codes = document()["channels"]["live"]["x-close-codes"].keys()

    assert {"1003", "1009", "1012", "4401", "4408", "4410", "4413", "4429"} <= codes


async def test_the_chat_refuses_the_frames_that_the_document_forbids(
    alice: Person, bob: Person
) -> None:
    there = (await alice.write(bob, "Hello"))["conversation_id"]
    content, read = {"receiver_id": bob.id}, {"type": "read", "conversation_id": there}
    messages: list[Json] = [
        {**content, "content": "x"},
        {**content, "content": "x" * 8000},
        {**content, "content": "a\tb\nc"},
        {**content, "content": "x", "id": "A-z_0" * 10},
        {"conversation_id": there, "content": "x"},
    ]
    wrong_messages: list[Json] = [
        {**content, "content": ""},
        {**content, "content": " \n"},
        {**content, "content": "x" * 8001},
        {**content, "content": "a\x00b"},
        {**content, "content": 1},
        {**content},
        {**content, "content": "x", "id": "not a client_id"},
        {**content, "content": "x", "id": "x" * 65},
        {**content, "content": "x", "sender_id": bob.id},
        {**content, "content": "x", "conversation_id": there},
        {"content": "x"},
        {"receiver_id": "bob", "content": "x"},
    ]
    resume = {"type": "resume", "cursors": {there: 0}}
    right: list[Json] = [
        *({"type": "message", "id": f"m{number}", **one} for number, one in enumerate(messages)),
        {**read, "seq": 0},
        {**read, "seq": 2**63 - 1},
        {"type": "resume", "cursors": {}},
        resume,
        {**resume, "generation": SOME_ID, "more": False},
    ]
    wrong: list[Json] = [
        *({"type": "message", "id": "wrong", **one} for one in wrong_messages),
        {**read, "seq": -1},
        {**read, "seq": 2**63},
        {**read, "seq": "1"},
        {"type": "read", "seq": 1},
        {"type": "ping", "content": "x"},
        {"type": "resume"},
        {"type": "resume", "cursors": []},
        {**resume, "cursors": {there: -1}},
        {**resume, "cursors": {"x": 1}},
        {**resume, "generation": "1"},
        {**resume, "more": 1},
        {"type": "typing"},
        {"type": "nothing"},
    ]
    async with alice.socket() as socket:
        for frame in right:
            with case(frame):
                assert complaints(frame, of_client=True) == []

                await socket.send(frame)

                assert not [one for one in await socket.settled() if one["type"] == "error"]
        for frame in wrong:
            with case(frame):
                assert complaints(frame, of_client=True)

                await socket.send(frame)

                assert [one["type"] for one in await socket.settled()] == ["error"]


def _is_server_frame(kind: object) -> bool:
    is_one = isinstance(kind, type) and issubclass(kind, frames.ServerFrame)
    return is_one and kind is not frames.ServerFrame
