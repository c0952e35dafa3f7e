"""Check frames of the live socket against the AsyncAPI document."""

from functools import cache
from typing import Any

import jsonschema_rs

from chat_app.api.asyncapi import asyncapi
from chat_app.core.settings import Settings

Json = dict[str, Any]


@cache
def document() -> Json:
    """Return the AsyncAPI document."""
    return asyncapi(Settings())


def assert_documented(frame: Json) -> None:
    """Check a frame of the server."""
    found = complaints(frame, of_client=False)
    assert not found, f"{frame['type']}: {found}"


def complaints(frame: Json, *, of_client: bool) -> list[str]:
    """Return what the document forbids in a frame of a client, or of the server."""
    validator = _validators(of_client=of_client).get(frame["type"])
    if validator is None:
        return ["not documented"]
    return [error.message for error in validator.iter_errors(frame)]


@cache
def _validators(*, of_client: bool) -> dict[str, jsonschema_rs.Validator]:
    """Return the validators of the frames of one side, by their type."""
    components = document()["components"]
    frames: list[Json] = []
    for operation in document()["operations"].values():
        # The chat is the one that receives or sends in this document.
        if (operation["action"] == "receive") == of_client:
            frames += operation["messages"]
        elif not of_client:
            frames += operation.get("reply", {}).get("messages", [])
    messages = [components["messages"][frame["$ref"].rpartition("/")[-1]] for frame in frames]
    return {
        message["name"]: jsonschema_rs.validator_for(
            {**message["payload"], "components": components}, validate_formats=True
        )
        for message in messages
    }
