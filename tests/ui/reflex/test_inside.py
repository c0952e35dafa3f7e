"""The private names of Reflex: each is there, and there are no others."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from engineio.async_socket import AsyncSocket
from reflex.app import EventNamespace
from reflex.utils.token_manager import SocketRecord, TokenManager

from chat_app.core.settings import Settings
from chat_app.ui.reflex.app import socket_server
from chat_app.ui.reflex.inside import PRIVATE_NAMES, PrivateName
from chat_app.ui.reflex.patches import PacketQueue
from tests.harness.servers import ROOT

FOLDER = ROOT / "chat_app" / "ui" / "reflex"


def test_every_private_name_that_is_used_is_listed() -> None:
    known = {one.name for one in PRIVATE_NAMES}
    own = {name for path in (ROOT / "chat_app" / "ui").rglob("*.py") for name in defined(path)}
    used = {name for path in FOLDER.glob("*.py") for name in private_attributes(path)}

    assert used - own == known - {"_should_compile"}
    assert "_should_compile" in own, "our app replaces it"


@pytest.mark.parametrize("one", PRIVATE_NAMES, ids=lambda one: one.name)
def test_reflex_has_a_private_name(one: PrivateName) -> None:
    module, _, kind = one.owner.rpartition(".")
    owner = getattr(importlib.import_module(module), kind)

    # An attribute that is set in the constructor is in its source only.
    source = Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8")
    assert hasattr(owner, one.name) or f"self.{one.name}" in source or f"    {one.name}:" in source


def test_a_tab_finds_its_socket_by_the_token_manager() -> None:
    assert {"token_to_socket", "is_token_connected"} <= {
        *dir(TokenManager),
        *vars(TokenManager.create()),
    }
    assert "sid" in SocketRecord.__dataclass_fields__
    assert callable(EventNamespace.disconnect)


def test_engine_io_queues_packets_where_a_link_looks() -> None:
    """A writer that took packets by another way would let a patch overtake them."""
    server = socket_server(Settings())
    socket = AsyncSocket(server.eio, "sid")

    assert isinstance(socket.queue, PacketQueue)
    assert "self.queue.get()," in inspect.getsource(AsyncSocket.poll)
    assert server.environ == server.eio.sockets == {}


def defined(path: Path) -> Iterator[str]:
    """Yield the functions of a module, and what its classes set on themselves."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def private_attributes(path: Path) -> Iterator[str]:
    """Yield the private attributes of anything but `self` that a module uses."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
            continue
        is_own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        if not is_own and not node.attr.startswith("__"):
            yield node.attr
