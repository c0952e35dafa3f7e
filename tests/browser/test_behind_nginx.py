"""A tab behind nginx and TLS goes on at another node when its own is killed."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.harness.chats import Farm, built_cluster
from tests.harness.cluster import WIDE_LIMITS, Cluster
from tests.harness.servers import ChatServer
from tests.harness.visitors import NewVisitor, Visitor

pytestmark = pytest.mark.only_in_test_all

# Two, one of which is killed; what nginx does with three is in tests/behind_nginx.
NODES = 2
HISTORY = 60
INSIST_S = 30


@pytest.fixture(scope="module")
def cluster(
    front_end: Path, farm: Farm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Yield two nodes that serve the UI; the front end is built before they start."""
    assert front_end.is_dir()
    storage = farm.storage("postgres+redis", tmp_path_factory.mktemp("screens"), own_redis=True)
    nodes = built_cluster(storage, tls=True, settings=WIDE_LIMITS, count=NODES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(nodes.nginx.certificate))
        try:
            yield nodes
        finally:
            nodes.stop()


@pytest.fixture
def address(cluster: Cluster) -> str:
    """Return the address that browsers use."""
    return cluster.url


@pytest.fixture
def two_in_a_chat(mira: Visitor, tomas: Visitor) -> tuple[Visitor, Visitor]:
    """Open the end of a long conversation in two people's browsers."""
    for number in range(HISTORY):
        tomas.post(mira, f"Long ago {number:03}")
    for visitor, other in ((mira, tomas), (tomas, mira)):
        visitor.open_chat_with(other)
        visitor.page.evaluate("window.isTheSamePage = true")
        expect(visitor.message(f"Long ago {HISTORY - 1:03}")).to_be_visible()
    return mira, tomas


def insist(visitor: Visitor, other: Visitor, text: str) -> None:
    """Send a message without the browser, again and again where no answer comes."""
    body = {"receiver_id": other.user_id, "content": text, "client_id": text.replace(" ", "-")}
    deadline = time.monotonic() + INSIST_S
    while time.monotonic() < deadline:
        reply = visitor.http.post("/api/messages", json=body)
        if reply.is_success:
            return
        assert reply.status_code == httpx.codes.BAD_GATEWAY, reply.text
        # nginx leaves out for two seconds what has refused it, a node that is back again too.
        visitor.page.wait_for_timeout(1_000 * float(reply.headers["Retry-After"]))
    pytest.fail("nobody answers")


def test_a_tab_whose_node_dies_goes_on_at_another(
    cluster: Cluster, two_in_a_chat: tuple[Visitor, Visitor], new_visitor: NewVisitor
) -> None:
    mira, tomas = two_in_a_chat
    sofia = new_visitor("Sofia Brandt")

    # Kill each node in turn: one of them is the tab's.
    for number, node in enumerate(cluster.nodes):
        mira.box.fill(f"Begun before {number}")
        node.server.stop(with_signal=signal.SIGKILL)
        mira.box.press("Enter")
        insist(sofia, mira, f"News {number}")
        tomas.write(f"From the other {number}")

        for visitor in (mira, tomas):
            expect(visitor.message(f"Begun before {number}")).to_have_count(1)
            expect(visitor.message(f"From the other {number}")).to_have_count(1)
        unread = mira.conversations.get_by_role("link", name="Sofia Brandt")
        expect(unread).to_contain_text(f"News {number}")
        expect(unread).to_contain_text(f"{number + 1} unread")
        expect(mira.page.get_by_role("status").filter(has_text="Reconnecting…")).to_have_count(0)
        again(node)

    expect(mira.log.get_by_role("article").first).to_contain_text("Long ago")
    mira.log.evaluate("log => { log.scrollTop = 0; }")
    expect(mira.message("Long ago 000")).to_be_attached()
    mira.page.get_by_role("searchbox", name="Search people").fill(sofia.username)
    found = mira.page.get_by_role("list", name="People found").get_by_role("listitem")
    expect(found).to_have_count(1)
    for visitor in (mira, tomas):
        assert visitor.page.evaluate("window.isTheSamePage")


def again(node: ChatServer) -> None:
    """Start a killed node once more."""
    node.launch()
    node.wait_until_ready()


def test_assets_are_compressed_and_cached(cluster: Cluster, mira: Visitor) -> None:
    page = mira.http.get("/login")
    [name, *_] = [part for part in page.text.split('"') if part.startswith("/assets/")]

    asset = mira.http.get(name)

    assert page.headers["content-encoding"] == asset.headers["content-encoding"] == "gzip"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert page.headers["cache-control"] == "no-cache"
    assert mira.http.get("/assets/none.js").status_code == 404
    assert cluster.url.startswith("https://")
