"""Rate limits (A2 and the contract): 429, Retry-After, and recovery."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.harness import clients
from tests.harness.chats import StartChat
from tests.harness.clients import PASSWORD, Person, assert_problem, http_client, new_username
from tests.harness.servers import ChatServer


async def log_in(
    url: str, username: str, password: str, *, address: str | None = None
) -> httpx.Response:
    headers = {"X-Forwarded-For": address} if address else {}
    async with http_client(url, headers=headers) as client:
        body = {"username": username, "password": password}
        return await client.post("/api/auth/login", json=body)


def assert_limited(reply: httpx.Response) -> None:
    assert_problem(reply, 429, "rate_limited")
    assert 1 <= int(reply.headers["retry-after"]) <= 3600


async def test_after_five_failures_even_the_right_password_waits(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice = await clients.register(url)
    bob = await clients.register(url)

    for _ in range(5):
        assert_problem(await log_in(url, alice.username, "wrong-password"), 401)

    # In whatever spelling: it is the account that is protected.
    assert_limited(await log_in(url, alice.username, PASSWORD))
    assert_limited(await log_in(url, alice.username.upper(), PASSWORD))
    assert (await log_in(url, bob.username, PASSWORD)).status_code == 200
    assert (await alice.http.get("/api/auth/me")).status_code == 200


async def test_a_flood_of_guesses_gets_no_more_than_five(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice = await clients.register(url)

    replies = await asyncio.gather(
        *(log_in(url, alice.username, f"guess-number-{number}") for number in range(15))
    )

    assert sorted(reply.status_code for reply in replies) == [401] * 5 + [429] * 10


@pytest.mark.one_process  # nginx names the client's address itself
async def test_guesses_from_one_network_or_from_many_are_limited(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice = await clients.register(url)
    bob = await clients.register(url)

    one = [
        await log_in(url, alice.username, "wrong-password", address=f"2001:db8::{number}")
        for number in range(1, 11)
    ]
    many = [
        await log_in(url, bob.username, "wrong-password", address=f"198.51.100.{number}")
        for number in range(25)
    ]

    assert [reply.status_code for reply in one] == [401] * 5 + [429] * 5
    assert [reply.status_code for reply in many] == [401] * 20 + [429] * 5
    assert_limited(await log_in(url, bob.username, PASSWORD, address="203.0.113.1"))
    # Where bob is signed in he is not locked out.
    assert (await log_in(url, bob.username, PASSWORD)).status_code == 200


@pytest.mark.one_process
async def test_one_ipv6_network_makes_ten_accounts_an_hour(start_chat: StartChat) -> None:
    url = start_chat(CHAT_LIMITS="on").url
    statuses = []
    for number in range(1, 12):
        async with http_client(url, headers={"X-Forwarded-For": f"2001:db8::{number}"}) as client:
            body = {"username": new_username(), "password": PASSWORD}
            statuses.append((await client.post("/api/auth/register", json=body)).status_code)

    assert statuses == [201] * 10 + [429]


async def test_successful_sign_ins_do_not_count_against_the_limit(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice = await clients.register(url)

    for _ in range(8):
        assert (await log_in(url, alice.username, PASSWORD)).status_code == 200


async def test_one_address_tries_twenty_names_and_makes_ten_accounts_an_hour(
    start_chat: StartChat,
) -> None:
    url = start_chat(CHAT_LIMITS="on").url

    replies = [await log_in(url, new_username(), "wrong-password") for _ in range(21)]

    assert [reply.status_code for reply in replies[:20]] == [401] * 20
    assert_limited(replies[20])
    for _ in range(10):
        await clients.register(url)

    async with http_client(url) as client:
        body = {"username": new_username(), "password": PASSWORD}
        assert_limited(await client.post("/api/auth/register", json=body))


async def test_strangers_are_opened_thirty_times_an_hour(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice = await clients.register(url)
    bob, *others = await clients.register_many(url, 31)
    first = await alice.opened(bob)

    replies = [
        await alice.http.post("/api/conversations", json={"user_id": other.id}) for other in others
    ]

    assert [reply.status_code for reply in replies] == [201] * 29 + [429]
    assert_limited(replies[-1])
    # What is there already can always be opened, by either side.
    assert (await alice.opened(bob))["id"] == first["id"]
    await others[-1].opened(alice)
    await alice.opened(others[-1])


async def send(sender: Person, receiver: Person) -> httpx.Response:
    body = {"receiver_id": receiver.id, "content": "flood", "client_id": uuid4().hex}
    return await sender.http.post("/api/messages", json=body)


async def test_a_flood_of_messages_is_slowed_for_its_sender_alone(
    limited_chat: ChatServer,
) -> None:
    url = limited_chat.url
    alice, bob = await clients.register(url), await clients.register(url)
    await alice.opened(bob)

    replies = await asyncio.gather(*(send(alice, bob) for _ in range(70)))

    stored = [reply for reply in replies if reply.status_code == 201]
    refused = [reply for reply in replies if reply.status_code != 201]
    assert len(stored) == 40
    for reply in refused:
        assert_limited(reply)
    assert (await send(bob, alice)).status_code == 201
    page = await bob.history((await bob.opened(alice))["id"], limit=100)
    assert len(page["items"]) == len(stored) + 1


async def test_a_refused_message_may_be_sent_again_later(refilling_chat: ChatServer) -> None:
    url = refilling_chat.url
    alice, bob = await clients.register(url), await clients.register(url)
    await alice.opened(bob)

    replies = await asyncio.gather(*(send(alice, bob) for _ in range(60)))

    [refused, *_] = [reply for reply in replies if reply.status_code == 429]
    async with asyncio.timeout(30):
        while (reply := await alice.http.send(refused.request)).status_code == 429:
            assert_limited(reply)
            await asyncio.sleep(0.1)
    assert reply.status_code == 201
