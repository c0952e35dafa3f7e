"""Live tabs: the events they receive, how often they are refreshed, and their end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.core.supervisor import Supervisor
from chat_app.node.node import Node
from chat_app.push.visible_tabs import VisibleTabs
from chat_app.realtime.broker import MemoryBroker
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRead,
    make_batch,
    make_envelope,
    session_topic,
    user_topic,
)
from chat_app.realtime.hub import Hub
from chat_app.realtime.outlet import TOO_SLOW, Outlet
from chat_app.ui.current_node import serving
from chat_app.ui.reflex import live, tab
from chat_app.ui.reflex.live import LiveTabs
from chat_app.ui.reflex.sockets import TooManyTabs
from chat_app.ui.reflex.tab import View
from tests.harness.clients import PATIENCE_S, Person
from tests.harness.tabs import Tab

ME = Identity(user_id=uuid4(), session_id=uuid4())
READ = ConversationRead(conversation_id=uuid4(), user_id=ME.user_id, seq=1)


class FakeApp:
    """A fake Reflex app for live tabs: states by token, and the connected tabs."""

    def __init__(self) -> None:
        self.connected = True
        self.resets = 0
        # No socket of a tab is open here: patches go nowhere.
        self.sio = object()
        self.router_data = {"asPath": "/chat/1"}
        self.sent: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.event_namespace = SimpleNamespace(
            _token_manager=SimpleNamespace(
                is_token_connected=self._is_connected, token_to_socket={}
            ),
            emit_update=self._emit,
        )

    @asynccontextmanager
    async def modify_state(self, token: rx.BaseStateToken) -> AsyncIterator["FakeApp"]:
        assert token.ident == "token"
        yield self

    async def get_state(self, _kind: type) -> object:
        return SimpleNamespace(_identity=lambda: ME)

    def reset(self) -> None:
        self.resets += 1

    async def _is_connected(self, _token: str) -> bool:
        return self.connected

    async def _emit(self, update: Any, token: str) -> None:  # noqa: ANN401  # Reflex's StateUpdate
        await self.sent.put((token, update))


class CountingView:
    """A view that counts."""

    def __init__(self) -> None:
        self.applied: list[int] = []
        self.reloads = 0
        self.failures: list[Exception] = []
        self.changed = asyncio.Condition()

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        if self.failures:
            raise self.failures.pop()
        async with self.changed:
            self.applied.append(len(events))
            self.changed.notify_all()

    async def reload(self) -> None:
        async with self.changed:
            self.reloads += 1
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self.changed:
            await self.changed.wait_for(condition)


class World:
    """A hub, a fake app and one view."""

    def __init__(self) -> None:
        self.app = FakeApp()
        self.view = CountingView()
        self.hub = Hub(MemoryBroker())
        self.supervisor = Supervisor()
        # Not started: it writes nothing.
        self.visible_tabs = VisibleTabs(database=cast("Database", None))
        self.tabs = LiveTabs(cast("rx.App", self.app), [cast("type[View]", lambda _tab: self.view)])

    async def open_outlet(self, identity: Identity) -> Outlet:
        return await self.hub.open(user_id=identity.user_id, session_id=identity.session_id)

    def publish(self, user_id: UUID = ME.user_id) -> None:
        self.hub.deliver(user_topic(user_id), make_envelope(READ))

    def one_outlet(self) -> Outlet:
        (outlet,) = self.hub.outlets
        return outlet


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """Yield a world in which the tabs find their node."""
    world = World()
    with serving(cast("Node", world)):
        async with world.tabs.opened("token"):
            yield world
        await world.tabs.close()
    assert world.hub.outlets == set()


async def test_a_tab_subscribed_twice_at_once_has_one_outlet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_open = asyncio.Event()

    async def open_slowly(identity: Identity) -> Outlet:
        outlet = await World.open_outlet(world, identity)
        await may_open.wait()
        return outlet

    monkeypatch.setattr(world, "open_outlet", open_slowly)
    subscribing = [asyncio.create_task(world.tabs.subscribe("token", ME)) for _ in range(2)]
    while len(world.hub.outlets) < len(subscribing):
        await asyncio.sleep(0)
    may_open.set()
    await asyncio.gather(*subscribing)

    assert len(world.hub.outlets) == 1


async def test_a_tab_receives_the_events_of_its_own_user_only(world: World) -> None:
    await world.tabs.subscribe("token", ME)

    world.publish(uuid4())
    world.publish()

    await world.view.until(lambda: bool(world.view.applied))
    assert world.view.applied == [1]


async def test_the_events_of_a_batch_are_applied_one_by_one(world: World) -> None:
    await world.tabs.subscribe("token", ME)

    world.hub.deliver(user_topic(ME.user_id), make_batch([READ, READ, READ]))

    await world.view.until(lambda: bool(world.view.applied))
    assert world.view.applied == [3]


async def test_queued_events_are_applied_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tab, "MIN_PAUSE_S", 0.2)
    await world.tabs.subscribe("token", ME)

    world.publish()
    await world.view.until(lambda: sum(world.view.applied) == 1)
    for _ in range(500):
        world.publish()

    await world.view.until(lambda: sum(world.view.applied) == 501)
    assert world.view.applied == [1, 500]


async def test_a_tab_that_was_too_slow_reloads_and_goes_on(world: World) -> None:
    await world.tabs.subscribe("token", ME)

    world.one_outlet().close_after_queue(TOO_SLOW, "too slow")

    await world.view.until(lambda: world.view.reloads == 1)
    world.publish()
    await world.view.until(lambda: world.view.applied == [1])


@pytest.mark.parametrize("failure", [Unavailable(), RuntimeError("a mistake")])
async def test_a_refresh_that_failed_is_followed_by_a_reload(
    world: World, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tab, "RETRY_S", 0.01)
    world.view.failures = [failure]
    await world.tabs.subscribe("token", ME)

    world.publish()

    await world.view.until(lambda: world.view.reloads == 1)


async def test_a_session_that_ends_empties_the_tab(world: World) -> None:
    await world.tabs.subscribe("token", ME)

    world.hub.deliver(session_topic(ME.session_id), make_envelope(READ, ends=True))

    async with asyncio.timeout(PATIENCE_S):
        token, update = await world.app.sent.get()
    assert world.app.resets == 1
    assert token == "token"
    assert update.events[0].payload["path"] == "/login?next=/chat/1"


async def test_the_end_of_a_session_interrupts_the_pause_between_refreshes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tab, "MIN_PAUSE_S", 60.0)
    monkeypatch.setattr(tab, "MAX_PAUSE_S", 60.0)
    await world.tabs.subscribe("token", ME)
    world.publish()
    await world.view.until(lambda: world.view.applied == [1])
    world.publish()

    world.hub.deliver(session_topic(ME.session_id), make_envelope(READ, ends=True))

    # Sooner than the pause of a minute ends.
    async with asyncio.timeout(PATIENCE_S):
        await world.app.sent.get()
    assert world.app.resets == 1


async def test_a_tab_that_is_gone_is_not_written_to(world: World) -> None:
    world.app.connected = False
    await world.tabs.subscribe("token", ME)

    world.hub.deliver(session_topic(ME.session_id), make_envelope(READ, ends=True))
    await world.tabs.close()

    assert world.view.applied == []
    assert world.app.resets == 0


async def test_a_closed_socket_leaves_no_outlet(world: World) -> None:
    async with world.tabs.opened("other"):
        await world.tabs.subscribe("other", ME)
        await world.tabs.subscribe("other", ME)
        assert len(world.hub.outlets) == len(world.tabs) == 1

    assert len(world.hub.outlets) == len(world.tabs) == 0


async def test_tabs_that_have_not_signed_in_are_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_ANONYMOUS_OF_NETWORK", 2)
    monkeypatch.setattr(live, "MAX_ANONYMOUS", 4)
    async with AsyncExitStack() as stack:
        for number in range(2):
            await stack.enter_async_context(world.tabs.opened(f"mine {number}", "192.0.2.1"))
        with pytest.raises(TooManyTabs):
            await stack.enter_async_context(world.tabs.opened("third", "192.0.2.1"))
        # A signed-in one counts no more, and others have their own; with the one of the fixture
        # there are four.
        await world.tabs.subscribe("mine 0", ME)
        for network in ("192.0.2.1", "192.0.2.2"):
            await stack.enter_async_context(world.tabs.opened(network, network))
        with pytest.raises(TooManyTabs):
            await stack.enter_async_context(world.tabs.opened("fifth", "192.0.2.3"))
    async with world.tabs.opened("later", "192.0.2.1"):
        pass
    unlimited = LiveTabs(cast("rx.App", world.app), [], is_limited=False)
    async with AsyncExitStack() as stack:
        for number in range(10):
            await stack.enter_async_context(unlimited.opened(f"{number}", "192.0.2.1"))


async def test_the_tabs_of_one_user_are_limited(world: World) -> None:
    tabs = LiveTabs(cast("rx.App", world.app), [], most_of_user=2)
    async with AsyncExitStack() as stack:
        for token in ("first", "second", "third"):
            await stack.enter_async_context(tabs.opened(token, "192.0.2.1"))
        await tabs.subscribe("first", ME)
        await tabs.subscribe("second", ME)
        await tabs.subscribe("second", ME)
        outlets = len(world.hub.outlets)
        with pytest.raises(TooManyTabs):
            await tabs.subscribe("third", ME)
        assert len(world.hub.outlets) == outlets
        await tabs.subscribe("third", Identity(user_id=uuid4(), session_id=uuid4()))
        assert len(tabs) == 3
    async with tabs.opened("later", "192.0.2.1"):
        await tabs.subscribe("later", ME)
    unlimited = LiveTabs(cast("rx.App", world.app), [], is_limited=False, most_of_user=1)
    async with unlimited.opened("a"), unlimited.opened("b"):
        await unlimited.subscribe("a", ME)
        await unlimited.subscribe("b", ME)
        assert len(unlimited) == 2


async def test_an_event_after_the_end_of_the_socket_opens_no_outlet(world: World) -> None:
    async with world.tabs.opened("other"):
        pass

    await world.tabs.subscribe("other", ME)

    assert len(world.hub.outlets) == len(world.tabs) == 0


async def test_another_session_of_the_same_tab_is_followed_instead(world: World) -> None:
    other = Identity(user_id=uuid4(), session_id=uuid4())
    await world.tabs.subscribe("token", ME)

    await world.tabs.subscribe("token", other)

    assert world.one_outlet().user_id == other.user_id


async def test_a_message_shows_up_in_every_open_tab(ada: Person, bea: Person) -> None:
    first = await bea.write(ada, "first")
    path = f"/chat/{first['conversation_id']}"
    async with (
        Tab.open(ada.url, cookie=ada.cookie) as chat,
        Tab.open(ada.url, cookie=ada.cookie) as home,
        Tab.open(ada.url, cookie=bea.cookie) as beas,
    ):
        await chat.hydrate(path)
        await chat.until(lambda: "first" in str(chat.messages(path)))
        for tab in (home, beas):
            await tab.hydrate("/")
            await tab.until(lambda tab=tab: tab.fact("conversations", "loaded"))  # type: ignore[misc]  # mypy infers no lambda with a default

        await bea.write(ada, "second")

        await chat.until(lambda: "second" in str(chat.messages(path)))
        await home.until(lambda: "second" in str(home.rows("conversations")))
        await beas.until(lambda: "second" in str(beas.rows("conversations")))


async def test_a_message_that_arrives_while_a_tab_loads_is_shown(ada: Person, bea: Person) -> None:
    first = await bea.write(ada, "first")
    path = f"/chat/{first['conversation_id']}"
    for number in range(20):
        text = f"meanwhile-{number}"
        async with Tab.open(ada.url, cookie=ada.cookie) as tab:
            await asyncio.gather(tab.hydrate(path), bea.write(ada, text))
            await tab.until(lambda tab=tab, text=text: text in str(tab.messages(path)))  # type: ignore[misc]  # the same


async def test_a_tab_whose_first_event_is_refused_loses_its_link(world: World) -> None:
    """It opens again by itself: after any other event it stays, and shows why nothing was done."""
    sent: list[str] = []
    ended: list[str] = []

    async def send(packet: Any) -> None:  # noqa: ANN401  # Engine.IO's packet
        sent.append(packet.data)

    async def disconnect(sid: str) -> None:
        ended.append(sid)

    socket = SimpleNamespace(send=send)
    namespace = world.app.event_namespace
    namespace._token_manager.token_to_socket["token"] = SimpleNamespace(sid="sid")
    namespace.disconnect = disconnect
    world.app.sio = SimpleNamespace(
        manager=SimpleNamespace(eio_sid_from_sid=lambda _sid, _namespace: "socket"),
        eio=SimpleNamespace(sockets={"socket": socket}),
        environ={"socket": {"asgi.scope": {}}},
    )

    await world.tabs.refuse("token", Unavailable(), opens=False)
    assert (len(sent), ended) == (1, [])
    assert Unavailable().detail in sent[0]

    await world.tabs.refuse("token", Unavailable(), opens=True)
    assert (len(sent), ended) == (2, ["sid"])
