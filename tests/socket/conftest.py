"""Fixtures of the tests of the live socket."""

import pytest

from tests.harness import clients
from tests.harness.documented_frames import assert_documented


@pytest.fixture(autouse=True)
def _frames_agree_with_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check every frame that a test receives by a `Socket`."""
    monkeypatch.setattr(clients, "on_frame", [assert_documented])
