"""The guard of Reflex events against attackers: raw Engine.IO to the chat in production."""

import asyncio
from itertools import product
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.harness.clients import Person, register
from tests.harness.tabs import CONVERSATIONS, HYDRATE, ROOT_STATE, SESSION, TIMELINE, Tab


@pytest_asyncio.fixture
async def secret(ada: Person) -> str:
    """Return a text that only Ada and her correspondent may see."""
    friend = await register(ada.url)
    text = f"secret-{uuid4().hex}"
    await friend.write(ada, text)
    return text


async def loaded(tab: Tab) -> None:
    """Wait until the page's first list is there."""
    await tab.until(lambda: tab.fact("conversations", "loaded") and tab.fact("profile", "username"))


async def test_a_socket_of_another_origin_is_refused(built_server: str, ada: Person) -> None:
    for origin in ("https://evil.example", "null", ""):
        with pytest.raises(InvalidStatus) as refusal:
            async with Tab.open(built_server, cookie=ada.cookie, origin=origin):
                pass

        assert refusal.value.response.status_code == 403, origin


async def test_nothing_else_of_reflex_is_reachable(built_server: str) -> None:
    async with httpx.AsyncClient(base_url=built_server) as client:
        for path in (
            "/_event/?EIO=4&transport=polling&token=00000000-0000-4000-8000-000000000000",
            "/_event",
            "/_upload",
            "/_all_routes",
            "/_health",
        ):
            assert (await client.get(path)).status_code == 404, path
            assert (await client.post(path)).status_code == 404, path


async def test_a_tab_shows_its_owner_what_is_theirs(
    built_server: str, ada: Person, secret: str
) -> None:
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await tab.hydrate()
        await tab.until(lambda: secret in tab.received and tab.fact("profile", "username"))

        assert tab.fact("profile", "username") == ada.username


@pytest.mark.parametrize("owner_is_there", [True, False], ids=["open", "closed"])
async def test_a_stolen_token_opens_nothing_without_its_cookie(
    built_server: str, ada: Person, secret: str, *, owner_is_there: bool
) -> None:
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await tab.hydrate()
        await tab.until(lambda: secret in tab.received)
        if not owner_is_there:
            await tab.connection.close()

        async with Tab.open(built_server, token=tab.token) as thief:
            await thief.hydrate()
            await thief.until(lambda: thief.redirects)
            await thief.send(f"{CONVERSATIONS}.load")
            await thief.settled()

            assert secret not in thief.received
            assert ada.username not in thief.received


async def test_a_stolen_token_shows_a_thief_only_their_own(
    built_server: str, ada: Person, eve: Person, secret: str
) -> None:
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await tab.hydrate()
        await tab.until(lambda: secret in tab.received)
        await tab.connection.close()

        async with Tab.open(built_server, cookie=eve.cookie, token=tab.token) as thief:
            await thief.hydrate()
            await loaded(thief)

            assert thief.fact("profile", "username") == eve.username
            assert secret not in thief.received
            assert ada.username not in thief.received


async def test_an_anonymous_tab_is_sent_to_sign_in_and_back(built_server: str) -> None:
    async with Tab.open(built_server) as tab:
        await tab.hydrate("/chat/0198c0de-0000-7000-8000-000000000000?x=1")
        await tab.until(lambda: tab.redirects)

        assert tab.redirects == ["/login?next=/chat/0198c0de-0000-7000-8000-000000000000%3Fx%3D1"]
        assert tab.vars == {}


async def test_the_way_back_never_leaves_the_chat(built_server: str) -> None:
    for path in (
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
    ):
        async with Tab.open(built_server) as tab:
            await tab.hydrate(path)
            await tab.until(lambda tab=tab: tab.redirects)  # type: ignore[misc]  # of this round

            assert tab.redirects == ["/login"], path


async def test_an_anonymous_tab_calls_no_handler(built_server: str) -> None:
    handlers: list[tuple[str, dict[str, object]]] = [
        (f"{CONVERSATIONS}.load", {}),
        (f"{CONVERSATIONS}.load_more", {}),
        (f"{TIMELINE}.open", {}),
        (f"{CONVERSATIONS}.load_again", {}),
        (f"{TIMELINE}.send_page", {"conversation_id": str(uuid4()), "kind": "newest", "seq": 0}),
        (f"{TIMELINE}.write", {}),
        (f"{ROOT_STATE}.hydrate", {}),
        (f"{ROOT_STATE}.set_is_hydrated", {"value": True}),
    ]
    for (name, payload), path in product(handlers, ("/", "/login")):
        async with Tab.open(built_server) as tab:
            await tab.hydrate("/login")
            await tab.until(lambda tab=tab: tab.var(ROOT_STATE, "is_hydrated"))  # type: ignore[misc]  # of this round
            await tab.send(name, payload, path=path)
            await tab.settled()

            assert list(tab.lists) == ["account"], (name, path)
            assert tab.fact("account", "user_id") == "", (name, path)


async def test_an_event_that_no_page_sends_ends_the_socket(built_server: str, ada: Person) -> None:
    events: list[tuple[str, dict[str, object]]] = [
        (f"{SESSION}._bind", {"identity": None, "user": None}),
        (f"{SESSION}._identity", {}),
        (f"{CONVERSATIONS}._load", {"me": None}),
        (f"{CONVERSATIONS}.reset", {}),
        (f"{CONVERSATIONS}.get_state", {"state_cls": None}),
        (f"{SESSION}.setvar", {"var_name": "user_id", "value": "x"}),
        (f"{SESSION}.set_user_id", {"value": "x"}),
        (f"{SESSION}.__init__", {}),
        (f"{CONVERSATIONS}.load", {"unexpected": 1}),
        ("nothing.like.this", {}),
        ("", {}),
    ]
    for name, payload in events:
        async with Tab.open(built_server, cookie=ada.cookie) as tab:
            await tab.hydrate()
            await loaded(tab)

            await tab.send(name, payload)

            assert await tab.close_code() == 1008, (name, payload)


async def test_a_malformed_frame_ends_the_socket(built_server: str, ada: Person) -> None:
    for frame in (
        "",
        "4",
        "42",
        "42/_event,",
        "42/_event,{",
        "42/_event,[]",
        '42/_event,["event"]',
        '42/_event,["event","text"]',
        '42/_event,["ping",1]',
        f'42/_event,["event",{{"name":"{HYDRATE}","router_data":{{"pathname":1}}}}]',
        f'42/_event,["event",{{"name":"{HYDRATE}","router_data":{{"asPath":[]}}}}]',
        f'42/_event,["event",{{"name":"{HYDRATE}","router_data":{{"query":"text"}}}}]',
        f'42/_event,["event",{{"name":"{HYDRATE}","router_data":"text"}}]',
        '42/_event,["event",{"name":1}]',
        f'42/_event,["event",{{"name":"{HYDRATE}","payload":[]}}]',
        "42/_event," + "[" * 5_000,
        '42["event",{}]',
        '45-1/_event,["event",{"_placeholder":true,"num":0}]',
        "40/admin,",
        "6",
        b"\x00\x01binary",
    ):
        async with Tab.open(built_server, cookie=ada.cookie) as tab:
            await tab.hydrate()
            await loaded(tab)

            await tab.send_raw(frame)

            assert await tab.close_code() in {1003, 1008}, frame[:40]


async def test_client_storage_tricks_change_nothing(
    built_server: str, ada: Person, eve: Person
) -> None:
    update = f"{ROOT_STATE}.reflex___state____update_vars_internal_state.update_vars_internal"
    forged = {
        f"{SESSION}.user_id_rx_state_": eve.id,
        f"{SESSION}._user_id": eve.id,
        f"{SESSION}._session_id": eve.id,
    }
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await tab.hydrate()
        await loaded(tab)

        await tab.send(update, {"vars": forged})
        await tab.settled()

        assert tab.fact("account", "user_id") == ada.id
        assert eve.id not in tab.received


async def test_signing_out_empties_every_tab_of_the_session(
    built_server: str, ada: Person, secret: str
) -> None:
    async with (
        Tab.open(built_server, cookie=ada.cookie) as one,
        Tab.open(built_server, cookie=ada.cookie) as two,
    ):
        for tab in (one, two):
            await tab.hydrate()
            await loaded(tab)
        assert secret in one.received

        async with asyncio.timeout(1):
            assert (await ada.http.post("/api/auth/logout")).status_code == 204
            await one.until(lambda: one.redirects)
            await two.until(lambda: two.redirects)

        for tab in (one, two):
            assert tab.redirects == ["/login"]
            assert tab.fact("account", "user_id") == ""
            assert tab.rows("conversations") == []
            before = len(tab.received)
            await tab.send(f"{CONVERSATIONS}.load")
            await tab.settled()
            assert secret not in tab.received[before:]
