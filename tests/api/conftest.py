"""Fixtures of the tests of the HTTP API."""

import pytest

from tests.harness import clients
from tests.harness.documented import assert_documented


@pytest.fixture(autouse=True)
def _replies_agree_with_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check every reply that a test receives by `http_client` or a `Person`."""
    monkeypatch.setattr(clients, "on_reply", [assert_documented])
