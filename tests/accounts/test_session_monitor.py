"""The session monitor: every end of a session, with its reason, without an event on the bus."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import update
from sqlmodel import col

from chat_app.accounts import session_monitor
from chat_app.accounts.rules import username_key
from chat_app.accounts.schemas import Device, Identity, PasswordChange, PasswordConfirmation
from chat_app.accounts.store import open_session
from chat_app.admin.operator import Operator
from chat_app.core.clock import utc_now
from chat_app.core.passwords import CONTEXT, Passwords
from chat_app.models import AuthSession
from chat_app.node.node import Node
from chat_app.realtime.events import AnyEvent, EndReason, SessionEnded, decode
from chat_app.realtime.outlet import SESSION_OVER, Outlet, OutletClosed
from tests.harness.chats import Storage
from tests.harness.clients import PASSWORD, new_username
from tests.harness.nodes import change_user, delete_user, new_user, open_node

DEVICE = Device("Firefox", "192.0.2.7")
A_DAY = timedelta(days=1)
# The looks come every second, on a machine that may be busy.
PATIENCE_S = 90
NEW_PASSWORD = "another horse battery"


class TwoDevices(NamedTuple):
    """Somebody who is signed in twice."""

    username: str
    one: Identity
    other: Identity


async def sign_in_twice(node: Node, password_hash: str) -> TwoDevices:
    """Make somebody with two sessions, without the cost of asking for the password."""
    name = new_username()
    user_id = await new_user(node)
    names = {"username": name, "username_key": username_key(name)}
    await change_user(node, user_id, password_hash=password_hash, **names)
    async with node.database.writing() as session:
        ids = [
            open_session(session, user_id=user_id, device=DEVICE, lifetime=A_DAY)[0]
            for _ in range(2)
        ]
    return TwoDevices(name, *(Identity(user_id, session_id) for session_id in ids))


async def last_words(outlet: Outlet) -> AnyEvent:
    """Wait for what an outlet is told last, and see that it ends."""
    told: list[AnyEvent] = []
    async with asyncio.timeout(PATIENCE_S):
        with suppress(OutletClosed):
            while True:
                told += [
                    event for envelope in await outlet.take() for event in decode(envelope.body)
                ]
        with pytest.raises(OutletClosed) as closed:
            await outlet.take()
    assert closed.value.code == SESSION_OVER
    return told[-1]


async def log_out(node: Node, who: TwoDevices) -> None:
    await node.accounts.logout(who.other)


async def end_it_from_the_list(node: Node, who: TwoDevices) -> None:
    await node.accounts.end_session(actor_id=who.one.user_id, session_id=who.other.session_id)


async def sign_out_everywhere_else(node: Node, who: TwoDevices) -> None:
    await node.accounts.end_other_sessions(who.one)


async def change_password(node: Node, who: TwoDevices) -> None:
    data = PasswordChange(current_password=PASSWORD, new_password=NEW_PASSWORD)
    await node.accounts.change_password(who.one, data, device=DEVICE)


async def delete_account(node: Node, who: TwoDevices) -> None:
    await node.accounts.delete(who.one, PasswordConfirmation(password=PASSWORD), device=DEVICE)


async def reset_password(node: Node, who: TwoDevices) -> None:
    await operator_of(node).reset_password(who.username, NEW_PASSWORD)


async def end_somebodys(node: Node, who: TwoDevices) -> None:
    await operator_of(node).end_sessions(who.username)


async def end_as_an_older_version(node: Node, who: TwoDevices) -> None:
    await change_session(node, who.other, ended_at=utc_now())


async def let_it_run_out(node: Node, who: TwoDevices) -> None:
    await change_session(node, who.other, expires_at=utc_now() - A_DAY)


async def be_gone(node: Node, who: TwoDevices) -> None:
    await delete_user(node, who.other.user_id)


def operator_of(node: Node) -> Operator:
    return Operator(
        database=node.database, broker=node.broker, passwords=Passwords(metrics=node.metrics)
    )


async def change_session(node: Node, whose: Identity, **values: object) -> None:
    """Change a session behind everybody's back: there is no news of it."""
    row = col(AuthSession.id) == whose.session_id
    async with node.database.writing() as session:
        await session.execute(update(AuthSession).where(row).values(**values))


End = Callable[[Node, TwoDevices], Awaitable[None]]
REASONS: dict[End, EndReason] = {
    log_out: "signed_out",
    end_it_from_the_list: "signed_out",
    sign_out_everywhere_else: "signed_out",
    end_somebodys: "signed_out",
    end_as_an_older_version: "signed_out",
    change_password: "password_changed",
    reset_password: "password_changed",
    delete_account: "account_deleted",
    be_gone: "account_deleted",
    let_it_run_out: "expired",
}


async def test_a_session_ends_for_the_same_reason_without_its_event(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_monitor, "INTERVAL_S", 1.0)
    alone = replace(storage, redis_url="")
    password_hash = CONTEXT.hash(PASSWORD)
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(open_node(alone))
        there = await stack.enter_async_context(open_node(alone))
        kept = await sign_in_twice(here, password_hash)
        stays = [
            await stack.enter_async_context(await there.open_outlet(identity))
            for identity in (kept.one, kept.other)
        ]
        outlets = {}
        for end in REASONS:
            who = await sign_in_twice(here, password_hash)
            outlets[end] = await stack.enter_async_context(await there.open_outlet(who.other))
            await end(here, who)
        told = {end: await last_words(outlet) for end, outlet in outlets.items()}
        still_open = [not outlet.ended.is_set() for outlet in stays]
        await operator_of(here).end_some_sessions()
        at_last = [await last_words(outlet) for outlet in stays]

    assert told == {end: SessionEnded(reason=reason) for end, reason in REASONS.items()}
    assert still_open == [True, True]
    assert at_last == [SessionEnded(reason="signed_out")] * 2
