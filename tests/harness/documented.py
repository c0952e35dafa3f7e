"""Check replies against the OpenAPI document: status, error code, headers and body."""

import json
import re
import warnings
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx
import jsonschema_rs
from litestar.exceptions import LitestarDeprecationWarning

from chat_app.api.app import create_api
from chat_app.api.openapi import openapi
from chat_app.core.settings import Settings

Json = dict[str, Any]


class _Answer(NamedTuple):
    """One documented answer: the required headers, and the body by its media type."""

    headers: list[str]
    bodies: dict[str, jsonschema_rs.Validator]


async def assert_documented(reply: httpx.Response) -> None:
    """Check a reply of a documented call; replies of proxies and to unknown calls pass."""
    method, path = reply.request.method, reply.request.url.path
    template = _template_of(path)
    answers = _answers(method.lower(), template) if template is not None else None
    if answers is None or "x-request-id" not in reply.headers:
        return
    call = f"{method} {path} {reply.status_code}"
    answer = answers.get(str(reply.status_code))
    assert answer is not None, f"{call} is not documented"
    missing = [name for name in answer.headers if name not in reply.headers]
    assert not missing, f"{call} lacks {missing}"
    if reply.status_code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return
    media_type = reply.headers["content-type"].partition(";")[0]
    assert media_type in answer.bodies, f"{call} is not documented as {media_type}"
    if media_type.endswith("json"):
        await reply.aread()
        found = [error.message for error in answer.bodies[media_type].iter_errors(reply.json())]
        assert not found, f"{call}: {found}"


@cache
def document() -> Json:
    """Return the OpenAPI document as it is served."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)  # about our handlers' style
        settings = Settings()
        app = create_api(settings)
    served: Json = json.loads(json.dumps(openapi(app, cookie_name=settings.cookie_name)))
    return served


def _template_of(path: str) -> str | None:
    """Return the documented address of a path, that without an id where two match."""
    matching = [
        template
        for template in document()["paths"]
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
    ]
    return min(matching, key=lambda template: template.count("{"), default=None)


@cache
def _answers(method: str, template: str) -> dict[str, _Answer] | None:
    """Return the documented answers to a call, by their status."""
    operation = document()["paths"][template].get(method)
    if operation is None:
        return None
    return {status: _answer(response) for status, response in operation["responses"].items()}


def _answer(response: Json) -> _Answer:
    components = document()["components"]
    if "$ref" in response:
        response = components["responses"][response["$ref"].rpartition("/")[-1]]
    headers = [name for name, header in response["headers"].items() if "$ref" in header]
    bodies = {
        media_type: jsonschema_rs.validator_for(
            {**content["schema"], "components": {"schemas": components["schemas"]}},
            validate_formats=True,
        )
        for media_type, content in response.get("content", {}).items()
    }
    return _Answer(headers, bodies)
