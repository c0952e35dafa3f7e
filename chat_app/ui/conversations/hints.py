"""The hints of the first minutes: what a new account can do first."""

from typing import Literal

import reflex as rx

from chat_app.ui.conversations.lists import account_id
from chat_app.ui.groups.adding_state import AddingState
from chat_app.ui.reflex.elements import ScriptedElement, event_name


class _Hints(ScriptedElement):
    tag = "chat-hints"
    script = "hints.js"


def first_hints(place: Literal["list", "pane"]) -> rx.Component:
    """Show the hints: on a phone below the conversations, elsewhere in the pane beside them."""
    return _Hints.create(
        class_name="hints",
        custom_attrs={
            "user-id": account_id(),
            "place": place,
            "new-group-event": event_name(AddingState.open_new),
        },
    )
