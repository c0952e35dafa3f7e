"""Closed tabs: their Reflex state is removed after their last events."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory

from chat_app.ui.reflex import closed_tabs
from chat_app.ui.reflex.closed_tabs import ClosedTabs

TOKEN = rx.BaseStateToken(ident="token", cls=rx.State)


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> StateManagerMemory:
    """Return a Reflex state manager; closed tabs have no grace period."""
    monkeypatch.setattr(closed_tabs, "GRACE_S", 0.0)
    return StateManagerMemory(token_expiration=3600)  # type: ignore[abstract]  # mypy misreads it


async def gone(states: StateManagerMemory) -> None:
    """Wait until no state is left."""
    async with asyncio.timeout(2):
        while states.states:
            await asyncio.sleep(0)


async def test_the_state_of_a_closed_tab_is_forgotten(states: StateManagerMemory) -> None:
    async with states.modify_state(TOKEN):
        pass
    assert states.states

    ClosedTabs(cast("rx.App", SimpleNamespace(state_manager=states))).forget("token")

    await gone(states)
    await states.close()


async def test_a_handler_at_work_keeps_its_state_to_the_end(states: StateManagerMemory) -> None:
    async with states.modify_state(TOKEN):
        ClosedTabs(cast("rx.App", SimpleNamespace(state_manager=states))).forget("token")
        for _ in range(5):
            await asyncio.sleep(0)

        assert states.states

    await gone(states)
    await states.close()
