"""Answers to OPTIONS, with every method of an address."""

from typing import Any

from litestar import Request, Response
from litestar.routes import HTTPRoute


def answer_options(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer OPTIONS with every method of the address; Litestar names those of one handler only."""
    if request.method != "OPTIONS":
        return None
    template = request.scope["path_template"]
    routes = [route for route in request.app.routes if isinstance(route, HTTPRoute)]
    methods = {
        method for route in routes if route.path_format == template for method in route.methods
    }
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})
