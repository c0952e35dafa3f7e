"""The pane of `/saved`: the messages that a person keeps for themselves."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.browser import full_time, marks_element, plain_text, short_time, wanted_list
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import (
    PANE,
    back_link,
    button,
    icon_link,
    icon_opener,
    unmark_button,
    unmark_error,
)
from chat_app.ui.kit.states import empty_state, skeleton
from chat_app.ui.reflex.elements import event_name, kept_facts, kept_rows, say
from chat_app.ui.reflex.vars import Cells, cells
from chat_app.ui.saved.rows import FoundRow
from chat_app.ui.saved.state import ROUTE, SavedState
from chat_app.ui.saved.view import LIST

TITLE = say("Saved")


class Facts(TypedDict):
    """The facts about the saved messages."""

    loaded: bool
    has_more: bool


NO_FACTS = Facts(loaded=False, has_more=False)


def saved_button(*, beside_save: rx.Var[bool]) -> rx.Component:
    """Show the button that opens the saved messages.

    Beside a pane with a button Save it is a link: one would be taken for the other.
    """
    return rx.cond(
        beside_save,
        icon_link("bookmark", TITLE, ROUTE),
        icon_opener("bookmark", TITLE, ROUTE),
    )


def saved_pane() -> rx.Component:
    """Show the saved messages; each leads to its place in its conversation."""
    return rx.el.section(
        rx.el.header(
            back_link(), rx.el.h1(TITLE, id="saved-title"), class_name="chat-head page-head"
        ),
        rx.el.div(
            rx.el.section(
                wanted_list(
                    name=LIST,
                    event=event_name(SavedState.load_again),
                    payload="{}",
                    leave=event_name(SavedState.close),
                ),
                marks_element(saved_items()),
                aria_labelledby="saved-title",
                class_name="people",
            ),
            class_name="people-scroll",
        ),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def saved_items() -> rx.Component:
    """Show the saved messages, once the page has them."""
    facts = cells(kept_facts(LIST, NO_FACTS).to(Facts))
    return rx.cond(facts["loaded"], _list(facts), skeleton(say("Loading saved messages…"), rows=6))


def _list(facts: Cells) -> rx.Component:
    rows = kept_rows(LIST).to(list[FoundRow])
    return rx.cond(
        cells(rows).length() > 0,
        rx.fragment(
            rx.el.ul(
                rx.foreach(rows, lambda row: rx.fragment(saved_item(row=row), key=row["id"])),
                aria_label=say("Saved messages"),
                class_name="found-messages",
                custom_attrs={"data-arrows": "true"},
            ),
            rx.cond(
                facts["has_more"],
                button(say("Show earlier ones"), kind="quiet", on_click=SavedState.load_more),
            ),
        ),
        empty_state(
            "bookmark", say("Nothing is saved yet. Save a message from its menu to find it here.")
        ),
    )


@rx.memo
def saved_item(row: rx.Var[FoundRow]) -> rx.Component:
    """Show a saved message as a link to its place."""
    one = cells(row)
    name_id = rx.Var.create(f"saved-{one['id']}")
    return rx.el.li(
        rx.el.a(
            found_message(one, plain_text(one["text"])),
            to=one["href"],
            id=name_id,
            class_name="row found-message",
        ),
        rx.el.div(
            unmark_button("saved", say("Remove from saved"), one["id"], name_id),
            class_name="found-actions",
        ),
        unmark_error(),
        class_name="found-item",
    )


def found_message(one: Cells, text: rx.Var[str] | rx.Component) -> rx.Component:
    """Show who wrote a message, where and when, and its text."""
    return rx.fragment(
        avatar(one),
        rx.el.span(
            rx.el.span(
                rx.el.span(one["author"], class_name="row-name one-line", dir="auto"),
                rx.el.time(
                    short_time(one["at"]),
                    date_time=one["at"],
                    title=full_time(one["at"]),
                    class_name="row-time",
                ),
                class_name="row-line",
            ),
            # A direct conversation has the name of the person who wrote.
            rx.cond(
                one["about"] != one["author"],
                rx.el.span(one["about"], class_name="row-time one-line", dir="auto"),
            ),
            rx.el.span(text, class_name="found-text", dir="auto"),
            class_name="row-text",
        ),
    )
