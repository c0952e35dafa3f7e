"""Nodes killed, restarted and added under load (S1): no message is lost or doubled.

All of it with the load of people at sockets and at HTTP through nginx, without sticky sessions. The
same without nginx, but for a node that is added, is in tests/trust (1, 8 and 9).
"""

import asyncio
import contextlib
import signal
import time

import httpx
import pytest

from tests.harness.clients import http_client
from tests.harness.cluster import Cluster
from tests.harness.talk import Talk, more_acked, talking

pytestmark = [
    pytest.mark.only_in_test_all,
    pytest.mark.xdist_group("cluster"),
    pytest.mark.timeout(180),
]

RESTARTING = 1012
CUT = 1006
ELSEWHERE_WITHIN_S = 10
PAIRS_OF_PEOPLE = 3


def codes_of(talks: list[Talk]) -> set[int | None]:
    """Return how sockets ended so far."""
    return {code for talk in talks for device in talk.devices for code in device.codes}


async def test_a_killed_node_loses_no_message(cluster: Cluster) -> None:
    async with talking([cluster.url], pairs=PAIRS_OF_PEOPLE) as talks:
        victim = cluster.nodes[0]

        started = time.monotonic()
        victim.server.stop(with_signal=signal.SIGKILL)
        async with asyncio.timeout(60):
            while CUT not in codes_of(talks):
                await asyncio.sleep(0.01)
            for talk in talks:
                for device in talk.devices:
                    await device.is_whole.wait()
        took = time.monotonic() - started
        await more_acked(talks, each=10)
        await cluster.start_again(victim)
        await more_acked(talks, each=10)

    assert took < ELSEWHERE_WITHIN_S
    assert codes_of(talks) <= {CUT, None}


async def test_a_rolling_restart_loses_no_message(cluster: Cluster) -> None:
    async with talking([cluster.url], pairs=PAIRS_OF_PEOPLE) as talks:
        for node in cluster.nodes:
            assert await asyncio.to_thread(node.stop) == 0
            await cluster.start_again(node)
            await more_acked(talks, each=5)

    assert RESTARTING in codes_of(talks)


async def test_a_node_is_added_with_a_reload_and_no_socket_is_cut(cluster: Cluster) -> None:
    async with talking([cluster.url], pairs=PAIRS_OF_PEOPLE) as talks:
        fourth = await cluster.add()
        try:
            async with http_client(cluster.url) as client:
                while f":{fourth.port} " not in cluster.nginx.requests():
                    # The workers from before the reload hang up on connections that are kept.
                    with contextlib.suppress(httpx.RemoteProtocolError):
                        await client.get("/api/health/live")
            await more_acked(talks, each=5)
            assert codes_of(talks) == set()
        finally:
            await cluster.remove(fourth)
