"""What handlers ask for by name: `node`, `settings` and `me`; and how bodies are read."""

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import Provide
from pydantic import ValidationError

from chat_app.accounts.schemas import Identity
from chat_app.api.auth import identify
from chat_app.core.input import Input, complaints
from chat_app.node import Node


def provide_node(state: State) -> Node:
    """Return the node of this process."""
    node: Node = state.node
    return node


async def provide_me(request: Request[Any, Any, Any], node: Node) -> Identity:
    """Return who asks. Raises Unauthenticated or CrossSite."""
    return await identify(request, node)


DEPENDENCIES = {
    "node": Provide(provide_node, sync_to_thread=False),
    "me": Provide(provide_me),
}


def is_input(kind: Any) -> bool:  # noqa: ANN401  # Litestar asks of any annotation
    """Whether a body of this type is ours to read."""
    return isinstance(kind, type) and issubclass(kind, Input)


def read_input(kind: type[Input], value: object) -> Input:
    """Read a body strictly. Raises Invalid with one sentence a field."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise complaints(error) from None
