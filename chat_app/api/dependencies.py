"""Dependencies and guards of the handlers.

Guards run before a body is read: an unauthorized request is refused whatever its body is.
"""

from typing import Any
from uuid import UUID

from litestar import Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from chat_app.accounts.errors import OtherAccount
from chat_app.accounts.schemas import Identity
from chat_app.admin.queries import is_admin
from chat_app.api.auth import SAFE, Connection, identify, refuse_cross_site
from chat_app.core.errors import NotFound, Unauthenticated
from chat_app.node.node import Node


async def signed_in(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Authenticate the request. Raises Unauthenticated, CrossSite or OtherAccount.

    OPTIONS is for everybody: its answer holds the methods only.
    """
    if connection.scope.get("method") == "OPTIONS":
        return
    connection.state.identity = await identify(connection, connection.app.state.node)


async def admin_only(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Refuse a user who is no admin, as an address that does not exist. Raises NotFound.

    After `signed_in`. The use cases check it again, in their own transaction.
    """
    if connection.scope.get("method") == "OPTIONS":
        return
    node: Node = connection.app.state.node
    async with node.database.reading() as session:
        if not await is_admin(session, connection.state.identity.user_id):
            raise NotFound


async def viewer_of(connection: Connection, node: Node) -> UUID | None:
    """Return the user of a request that anybody may send; None for somebody without a session."""
    try:
        return (await identify(connection, node)).user_id
    except (Unauthenticated, OtherAccount):
        return None


def own_pages_or_programs(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Refuse requests that pages of other sites send. Raises CrossSite."""
    if connection.scope.get("method") not in SAFE:
        refuse_cross_site(connection, connection.app.state.node.settings, must_be_named=False)


def provide_node(state: State) -> Node:
    """Return the node of this process."""
    node: Node = state.node
    return node


def provide_me(request: Request[Any, Any, Any]) -> Identity:
    """Return the identity that the guard `signed_in` has set. Raises Unauthenticated without it."""
    identity: Identity | None = getattr(request.state, "identity", None)
    if identity is None:
        raise Unauthenticated
    return identity


DEPENDENCIES = {
    "node": Provide(provide_node, sync_to_thread=False),
    "me": Provide(provide_me, sync_to_thread=False),
}
