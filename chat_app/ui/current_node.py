"""The running node of this process, for screens."""

from collections.abc import Iterator
from contextlib import contextmanager

from chat_app.node.node import Node

_nodes: list[Node] = []


def current_node() -> Node:
    """Return the node of this process; it exists from the server's start to its end."""
    if not _nodes:
        msg = "The chat is not running: its node exists only while the server does."
        raise RuntimeError(msg)
    return _nodes[-1]


@contextmanager
def serving(node: Node) -> Iterator[None]:
    """Set the current node for as long as the block lasts."""
    _nodes.append(node)
    try:
        yield
    finally:
        _nodes.remove(node)
