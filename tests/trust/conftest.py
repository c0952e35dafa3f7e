"""Fixtures of the trust tests: shared nodes, one chat per pair of storage and bus."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.harness.chats import Farm
from tests.harness.two_nodes import Nodes, start_nodes

FOLDER = Path(__file__).parent
SHARED = {"nodes", "silent_chat"}
GRACE_S = 1.0
TTL_S = 4.0


@pytest.hookimpl(wrapper=True)  # before xdist reads the groups, in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keep the tests that share nodes on one test process, so that they are started once."""
    for item in items:
        if item.path.is_relative_to(FOLDER) and SHARED.intersection(
            getattr(item, "fixturenames", ())
        ):
            pair = getattr(item, "callspec").params["pair"]  # noqa: B009  # only functions have it
            item.add_marker(pytest.mark.xdist_group(f"trust {pair}"))
    yield


@pytest.fixture(scope="session")
def death_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file whose presence kills a shared node between a commit and its publish."""
    return tmp_path_factory.mktemp("trust") / "die"


@pytest.fixture
def die_at_next_commit(death_file: Path) -> Callable[[], None]:
    """Return a function that makes the next node to commit die before it publishes."""
    return death_file.touch


@pytest.fixture(scope="session")
def shared_nodes() -> Iterator[dict[str, Nodes]]:
    """Yield the nodes of each pair, and stop them at the end."""
    shared: dict[str, Nodes] = {}
    yield shared
    for nodes in shared.values():
        nodes.stop()


@pytest.fixture
def nodes(
    farm: Farm,
    pair: str,
    shared_nodes: dict[str, Nodes],
    death_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Nodes]:
    """Yield the shared nodes of this pair, and repair them after the test."""
    if pair not in shared_nodes:
        shared_nodes[pair] = start_nodes(
            farm,
            pair,
            tmp_path_factory.mktemp("nodes"),
            TEST_DIE_WHEN=str(death_file),
            CHAT_PRESENCE_GRACE_SECONDS=str(GRACE_S),
            CHAT_PRESENCE_TTL_SECONDS=str(TTL_S),
        )
    shared_nodes[pair].begin_log()
    yield shared_nodes[pair]
    death_file.unlink(missing_ok=True)
    shared_nodes[pair].mend()
