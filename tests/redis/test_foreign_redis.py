"""Foreign Redis: all our keys and channels have our prefix, and our user needs no other rights.

The user of `docs/deployment.md` may use keys and channels with the prefix only, and only with the
commands that the chat needs.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from chat_app.accounts.schemas import Identity
from chat_app.core.rate_limit import Limit
from chat_app.node.node import Node
from chat_app.realtime.events import Typing, make_envelope, user_topic
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node
from tests.harness.servers import ROOT

LIMIT = Limit("tests", capacity=1, per_s=60)
BUCKET = Limit("buckets", capacity=5, per_s=60, refills=True)


@pytest.fixture
def pair() -> str:
    """Return the only pair with a Redis."""
    return "postgres+redis"


@pytest_asyncio.fixture
async def owner(storage: Storage) -> AsyncIterator[Redis]:
    """Give the Redis as its owner, with a key of theirs in it."""
    async with Redis.from_url(storage.redis_url) as owner:
        await owner.set("theirs", "precious")
        await owner.execute_command(*documented_rules())
        yield owner
        await owner.execute_command("ACL", "DELUSER", "chat")


@pytest.fixture
def confined(storage: Storage, owner: Redis) -> Storage:
    """Give storage whose Redis is used as the user of the guide."""
    assert owner is not None
    return replace(storage, redis_url=storage.redis_url.replace("//", "//chat:PASSWORD@"))


def documented_rules() -> list[str]:
    """Return the rules of the user that the guide adds."""
    guide = (ROOT / "docs" / "deployment.md").read_text()
    [rules] = re.findall(r"^redis-cli (ACL SETUSER chat .*)$", guide, flags=re.MULTILINE)
    return [word.strip("'") for word in str(rules).split()]


async def enter(node: Node, name: str) -> Identity:
    """Return the identity of a new user who has a device at a node."""
    user_id = await new_user(node, name)
    identity = Identity(user_id=user_id, session_id=uuid4())
    await node.open_outlet(identity)
    return identity


async def test_our_keys_have_the_prefix_and_foreign_keys_are_untouched(
    confined: Storage, owner: Redis
) -> None:
    settings = {"CHAT_LIMITS": "on"}
    async with open_node(confined, **settings) as here, open_node(confined, **settings) as there:
        alice = await enter(here, "Alice")
        bob = await enter(there, "Bob")
        for node in (here, there):
            await node.limits.take(BUCKET, "somebody")
        await here.limits.take(LIMIT, "somebody")
        assert await here.online.filter_connected([bob.user_id]) == {bob.user_id}
        assert await there.online.filter_connected([alice.user_id]) == {alice.user_id}
        async with here.sockets.track(alice.user_id), there.sockets.track(bob.user_id):
            keys = {key.decode() for key in await owner.keys("*")}
        channels = {channel.decode() for channel in await owner.pubsub_channels("*")}

    assert {key.partition(":")[0] for key in keys - {"theirs"}} == {"chat"}
    assert {"chat:key", "chat:presence", "chat:sockets", "chat:limit:tests:somebody"} <= keys
    assert {channel.partition(":")[0] for channel in channels} == {"chat"}
    assert await owner.get("theirs") == b"precious"
    refused = await owner.execute_command("ACL", "LOG")
    assert [entry for entry in refused if b"chat" in entry.get(b"username", b"")] == []


async def test_confined_nodes_receive_from_each_other(confined: Storage) -> None:
    async with open_node(confined) as here, open_node(confined) as there:
        bob = await new_user(there, "Bob")
        outlet = await there.open_outlet(Identity(user_id=bob, session_id=uuid4()))
        envelope = make_envelope(Typing(conversation_id=uuid4(), user_id=uuid4()))

        here.broker.publish([user_topic(bob)], envelope)

        async with asyncio.timeout(PATIENCE_S):
            assert await outlet.take() == [envelope]


async def test_no_code_empties_a_redis_or_lists_its_keys() -> None:
    for source in (ROOT / "chat_app").rglob("*.py"):
        text = source.read_text().lower()
        assert not re.search(r"flush(all|db)|\.keys\(\"|'keys'|scan_iter|config_set", text), source
