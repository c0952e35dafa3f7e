"""The pinned messages of a conversation, beside its chat."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.browser import panel_element, plain_text
from chat_app.ui.groups.facts import group_facts
from chat_app.ui.kit.controls import icon_button
from chat_app.ui.kit.states import empty_state, notice
from chat_app.ui.pinned.state import PinnedState
from chat_app.ui.pinned.view import LIST
from chat_app.ui.reflex.elements import event_name, kept_facts, kept_rows, say
from chat_app.ui.reflex.vars import Cells, call, cells
from chat_app.ui.saved.page import found_message
from chat_app.ui.saved.rows import FoundRow

TITLE = say("Pinned")


class Facts(TypedDict):
    """The facts about the pinned messages; the `id` is that of their conversation."""

    id: str
    loaded: bool
    problem: str


NO_FACTS = Facts(id="", loaded=False, problem="")


def pinned_button(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the button that opens and closes the pinned messages of a conversation."""
    return icon_button("pin", TITLE, on_click=call(PinnedState.toggle, conversation_id))


@rx.memo
def pinned_panel(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the pinned messages of a conversation while they are open, and no other details are."""
    facts = cells(kept_facts(LIST, NO_FACTS).to(Facts))
    is_open = (facts["id"] == conversation_id) & (conversation_id != "")
    return rx.cond(
        is_open & (group_facts()["id"] == ""),
        panel_element(
            rx.el.section(
                rx.el.header(
                    icon_button(
                        "cross",
                        say("Close the pinned messages"),
                        on_click=PinnedState.close,
                        custom_attrs={"data-dismiss": "true"},
                    ),
                    rx.el.h2(TITLE, id="pinned-title"),
                    class_name="chat-head details-head",
                ),
                rx.el.div(
                    rx.cond(facts["loaded"], _list(), notice(facts["problem"])),
                    class_name="details-scroll",
                ),
                aria_labelledby="pinned-title",
                class_name="details",
            ),
            event=event_name(PinnedState.follow),
            payload=rx.Var.create({"conversation_id": conversation_id}).to_string(),
        ),
        rx.fragment(),
    )


def _list() -> rx.Component:
    rows = kept_rows(LIST).to(list[FoundRow])
    return rx.cond(
        cells(rows).length() > 0,
        rx.el.ul(
            rx.foreach(rows, lambda row: rx.fragment(pinned_item(row=row), key=row["id"])),
            aria_label=say("Pinned messages"),
            class_name="found-messages in-panel",
            custom_attrs={"data-arrows": "true"},
        ),
        empty_state("pin", say("Nothing is pinned here. Pin a message from its menu.")),
    )


@rx.memo
def pinned_item(row: rx.Var[FoundRow]) -> rx.Component:
    """Show a pinned message: a press shows it in its place."""
    one: Cells = cells(row)
    return rx.el.li(
        rx.el.button(
            found_message(one, plain_text(one["text"])),
            type="button",
            title=say("Show this message"),
            class_name="row found-message",
            custom_attrs={"data-go-to": one["seq"]},
        ),
        class_name="found-item",
    )
