"""Generated documents: OpenAPI with a reference page, and AsyncAPI of the live socket."""

import html
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request, get

from chat_app.api.asyncapi import asyncapi
from chat_app.api.openapi import openapi

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { max-width: 760px; margin: 2rem auto; padding: 0 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: 13px }
pre { overflow: auto; padding: .75rem; border-radius: 8px; background: #8881 }
section { margin: 2rem 0 }
"""

AnyRequest = Request[Any, Any, Any]


@get("/api/openapi.json", tags=["Operation"], sync_to_thread=False)
def openapi_document(request: AnyRequest) -> dict[str, Any]:
    """Return the HTTP API as OpenAPI 3.1, generated from the handlers."""
    return _openapi_of(request.app)


@get("/api/asyncapi.json", tags=["Operation"], sync_to_thread=False)
def asyncapi_document(request: AnyRequest) -> dict[str, Any]:
    """Return the live socket's frames and events as AsyncAPI 3.0, generated from their types."""
    return asyncapi(request.app.state.node.settings)


@get("/api/docs", media_type=MediaType.HTML, tags=["Operation"], sync_to_thread=False)
def reference_page(request: AnyRequest) -> str:
    """Return the HTTP API as one static page: no script, nothing loaded from other hosts."""
    document = _openapi_of(request.app)
    title = html.escape(document["info"]["title"])
    about = html.escape(document["info"]["description"])
    sections = [
        _section(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    schemas = msgspec.json.format(msgspec.json.encode(document["components"]["schemas"]))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width'><title>{title} API</title>"
        f"<style>{STYLE}</style><main><h1>{title} API</h1>"
        "<p>The same as data: <a href=/api/openapi.json>OpenAPI</a>, and the live socket as "
        f"<a href=/api/asyncapi.json>AsyncAPI</a>.</p><pre>{about}</pre>"
        f"{''.join(sections)}<h2>Shapes</h2><pre>{html.escape(schemas.decode())}</pre></main>"
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    inputs = [parameter["name"] for parameter in operation["parameters"]]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = body.get("schema", {}).get("$ref", "").rpartition("/")[-1]
    takes = ", ".join([*inputs, *([reference] if reference else [])]) or "nothing"
    answers = ", ".join(_answer(*one) for one in operation["responses"].items())
    return (
        f"<section><h2><code>{method.upper()} {html.escape(path)}</code></h2>"
        f"<p>{html.escape(operation['summary'])}</p>"
        f"<p>Takes {html.escape(takes)}. Answers {html.escape(answers)}.</p></section>"
    )


def _answer(status: str, response: dict[str, Any]) -> str:
    # The name of an error's response is made of its codes.
    codes = response.get("$ref", "").rpartition("/")[-1].replace(".", ", ")
    return f"{status} ({codes})" if codes else status


def _openapi_of(app: Litestar) -> dict[str, Any]:
    if "openapi" not in app.state:
        app.state.openapi = openapi(app, cookie_name=app.state.node.settings.cookie_name)
    document: dict[str, Any] = app.state.openapi
    return document
