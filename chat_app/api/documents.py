"""Generated documents: OpenAPI with a reference page, and AsyncAPI of the live socket."""

import html
from typing import Any, get_args

import msgspec
from litestar import MediaType, Request, get
from litestar.openapi.plugins import OpenAPIRenderPlugin

from chat_app.api import frames
from chat_app.api.formats import FORMATS
from chat_app.realtime import events

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { max-width: 760px; margin: 2rem auto; padding: 0 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: 13px }
pre { overflow: auto; padding: .75rem; border-radius: 8px; background: #8881 }
section { margin: 2rem 0 }
"""


class ReferencePage(OpenAPIRenderPlugin):
    """The HTTP API as one static page: no script, nothing loaded from other hosts."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        del request
        title = html.escape(openapi_schema["info"]["title"])
        sections = [
            _section(method, path, operation)
            for path, operations in sorted(openapi_schema["paths"].items())
            for method, operation in operations.items()
            if isinstance(operation, dict)
        ]
        schemas = msgspec.json.format(
            msgspec.json.encode(openapi_schema.get("components", {}).get("schemas", {}))
        )
        page = (
            f"<!doctype html><html lang=en><meta charset=utf-8>"
            f"<meta name=viewport content='width=device-width'><title>{title} API</title>"
            f"<style>{STYLE}</style><main><h1>{title} API</h1>"
            "<p>The same as data: <a href=/api/openapi.json>OpenAPI</a>, and the live socket as "
            "<a href=/api/asyncapi.json>AsyncAPI</a>.</p>"
            f"{''.join(sections)}<h2>Shapes</h2><pre>{html.escape(schemas.decode())}</pre></main>"
        )
        return page.encode()


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    summary = html.escape(operation.get("description") or operation.get("summary") or "")
    inputs = [parameter["name"] for parameter in operation.get("parameters", [])]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = body.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    takes = ", ".join([*inputs, *([reference] if reference else [])]) or "nothing"
    answers = ", ".join(operation.get("responses", {}))
    return (
        f"<section><h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{summary}</p>"
        f"<p>Takes {html.escape(takes)}. Answers {html.escape(answers)}.</p></section>"
    )


@get("/api/openapi.json", media_type=MediaType.JSON, include_in_schema=False, sync_to_thread=False)
def openapi_document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the HTTP API as OpenAPI 3.1, generated from the handlers."""
    return request.app.openapi_schema.to_schema()


@get("/api/asyncapi.json", media_type=MediaType.JSON, include_in_schema=False, sync_to_thread=False)
def asyncapi_document() -> dict[str, Any]:
    """Return the live socket's frames and events as AsyncAPI 3.0, generated from their types."""
    from_client = get_args(frames.AnyClientFrame)
    from_server = (
        *(frames.Ready, frames.Ack, frames.Pong, frames.Error),
        *(frames.Batch, frames.Reset, frames.Resumed),
        *get_args(events.AnyEvent),
    )
    references, shapes = msgspec.json.schema_components(
        (*from_client, *from_server), ref_template="#/components/schemas/{name}"
    )
    messages = {
        kind.__name__: {"payload": reference}
        for kind, reference in zip((*from_client, *from_server), references, strict=True)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Chat, the live socket", "version": "1.0.0"},
        "channels": {
            "live": {
                "address": "/ws",
                "description": f"Subprotocols: {', '.join(FORMATS)}. The first is the default.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "send": _operation("receive", [kind.__name__ for kind in from_client]),
            "receive": _operation("send", [kind.__name__ for kind in from_server]),
        },
        "components": {"messages": messages, "schemas": shapes},
    }


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/live"},
        "messages": [{"$ref": f"#/channels/live/messages/{name}"} for name in names],
    }
