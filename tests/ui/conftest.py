"""People of the built chat, whose tabs the tests open over the wire."""

import pytest_asyncio

from tests.harness.clients import Person, register


@pytest_asyncio.fixture
async def ada(built_server: str) -> Person:
    """Return a registered user."""
    return await register(built_server, display_name="Ada")


@pytest_asyncio.fixture
async def bea(built_server: str) -> Person:
    """Return another registered user."""
    return await register(built_server, display_name="Bea")


@pytest_asyncio.fixture
async def eve(built_server: str) -> Person:
    """Return a stranger who may see nothing of the others'."""
    return await register(built_server, display_name="Eve")
