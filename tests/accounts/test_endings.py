"""A session that is over ends everywhere, though no bus tells it."""

import asyncio
from dataclasses import replace

import pytest

from chat_app.accounts.schemas import Device, Identity, Registration
from chat_app.core.tokens import read_access_token
from chat_app.node import Node
from chat_app.realtime.outlet import SESSION_OVER, OutletClosed
from tests.clients import PASSWORD, PATIENCE_S, new_username
from tests.conftest import Storage
from tests.nodes import open_node


async def session_at(node: Node) -> Identity:
    data = Registration(username=new_username(), password=PASSWORD)
    signed_in = await node.accounts.register(data, device=Device("Firefox", "192.0.2.7"))
    assert signed_in.tokens is not None
    secret = node.settings.secret_key.get_secret_value()
    claims = read_access_token(signed_in.tokens.access_token, secret=secret)
    assert claims is not None
    return Identity(*claims)


async def test_it_ends_at_a_node_that_is_not_told(storage: Storage) -> None:
    alone = replace(storage, redis_url="")
    async with open_node(alone) as here, open_node(alone) as there:
        ended, kept = await session_at(here), await session_at(here)
        async with await there.open_outlet(ended) as outlet, await there.open_outlet(kept) as other:
            await here.accounts.logout(ended)
            async with asyncio.timeout(PATIENCE_S):
                (last,) = await outlet.take()
                with pytest.raises(OutletClosed) as closed:
                    await outlet.take()

            assert closed.value.code == SESSION_OVER
            assert b"session.ended" in last.body
            assert not other.ended.is_set()
