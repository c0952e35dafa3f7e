"""The log of messages."""

import reflex as rx

from chat_app.ui.browser import (
    full_time,
    linked,
    new_day,
    time_of_day,
    timeline_element,
)
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon, icon_button
from chat_app.ui.kit.states import empty_state, problem
from chat_app.ui.messages.actions import MENU, message_actions
from chat_app.ui.messages.rows import MessageRow
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.reflex.elements import call_inline
from chat_app.ui.reflex.vars import Cells, cells
from chat_app.ui.session import SessionState

# Which of the lists is the oldest changes as the window slides.
BY_SEQ = "((rows) => rows.sort((a, b) => a.seq - b.seq))"


def timeline() -> rx.Component:
    """Show the window of messages, what waits in the outbox below it, and the way to the end."""
    return rx.fragment(
        timeline_element(
            _log(),
            _jump(),
            message_actions(),
            conversation_id=TimelineState.head["id"],
            user_id=SessionState.user_id,
            read_seq=TimelineState.own_read_seq,
        ),
        # Another conversation gets an element of its own: nothing of the last one lingers.
        key=TimelineState.head["id"],
    )


def _log() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.cond(
                TimelineState.has_older,
                _page_turn("Show earlier messages", "earlier", TimelineState.show_earlier),
            ),
            rx.cond(TimelineState.tail, rx.fragment(), _nothing_yet()),
            rx.foreach(_rows(), _row),
            rx.cond(
                TimelineState.has_newer,
                _page_turn("Show later messages", "later", TimelineState.show_later),
            ),
            problem(TimelineState.problem),
            # Filled by the script. Not announced: the stored message will be.
            rx.el.div(custom_attrs={"data-pending": "true"}, aria_live="off"),
            class_name="column",
        ),
        role="log",
        aria_label="Messages",
        tab_index=0,
        class_name="log",
    )


def _rows() -> rx.Var[list[MessageRow]]:
    state = TimelineState
    rows = state.older_0 + state.older_1 + state.older_2 + state.older_3 + state.tail
    return call_inline(BY_SEQ, rows).to(list[MessageRow])


def _row(message: Cells) -> rx.Component:
    return rx.fragment(
        message_item(
            message=message,
            is_delivered=message["seq"] <= TimelineState.delivered_seq,
            is_read=message["seq"] <= TimelineState.read_seq,
            begins_new=message["seq"] == TimelineState.new_from,
        ),
        key=message["id"],
    )


@rx.memo
def message_item(
    message: rx.Var[MessageRow],
    is_delivered: rx.Var[bool],
    is_read: rx.Var[bool],
    begins_new: rx.Var[bool],
) -> rx.Component:
    """Show one message, after the lines that stand above it."""
    cell = cells(message)
    return rx.fragment(
        _day_line(cell),
        rx.cond(begins_new, rx.el.div("New messages", class_name="new-line")),
        rx.el.article(
            rx.cond(
                cell["mine"],
                rx.el.span("You", class_name="visually-hidden"),
                _author(cell),
            ),
            rx.el.div(
                # Text, and nothing but text: React escapes it, and no markup is ever read from it.
                rx.el.div(linked(cell["text"]), class_name="bubble", dir="auto"),
                _meta(cell, is_delivered, is_read),
                _more(cell),
                class_name="said",
            ),
            class_name=[
                "message",
                rx.cond(cell["mine"], "mine", ""),
                rx.cond(cell["first"], "first", ""),
                rx.cond(cell["last"], "last", ""),
                rx.cond(cell["deleted"], "deleted", ""),
            ],
            custom_attrs={
                "data-id": cell["id"],
                "data-seq": cell["seq"],
                "data-client-id": cell["client_id"],
            },
        ),
    )


def _day_line(cell: Cells) -> rx.Component:
    day = new_day(cell["before"], cell["at"])
    return rx.cond(day != "", rx.el.div(rx.el.time(day, date_time=cell["at"]), class_name="day"))


def _author(cell: Cells) -> rx.Component:
    return rx.cond(
        cell["first"],
        rx.fragment(
            avatar(cell["letters"], cell["tone"]),
            rx.el.span(rx.el.bdi(cell["author"]), class_name="author one-line"),
        ),
        rx.el.span(cell["author"], class_name="visually-hidden"),
    )


def _meta(cell: Cells, is_delivered: rx.Var[bool], is_read: rx.Var[bool]) -> rx.Component:
    return rx.el.div(
        rx.cond(cell["edited"], rx.el.span("edited", class_name="edited")),
        rx.el.time(time_of_day(cell["at"]), date_time=cell["at"], title=full_time(cell["at"])),
        rx.cond(
            cell["mine"],
            rx.cond(
                is_read,
                _status("Read", "glyph read"),
                rx.cond(
                    is_delivered,
                    _status("Delivered", "glyph delivered"),
                    _status("Sent", "glyph sent"),
                ),
            ),
        ),
        class_name="meta",
    )


def _status(word: str, class_name: str) -> rx.Component:
    return rx.el.span(role="img", aria_label=word, title=word, class_name=class_name)


def _more(cell: Cells) -> rx.Component:
    # A deleted message of the user has no actions.
    return rx.cond(
        cell["mine"] & cell["deleted"],
        rx.fragment(),
        icon_button(
            "more",
            "More actions",
            class_name="icon-button more",
            aria_haspopup="menu",
            custom_attrs={MENU: "true"},
        ),
    )


def _page_turn(label: str, which: str, handler: object) -> rx.Component:
    # Pressed by the script near the end of the window, and by people with a keyboard.
    return button(label, kind="quiet", on_click=handler, custom_attrs={f"data-{which}": "true"})


def _jump() -> rx.Component:
    return rx.el.button(
        rx.el.span("New messages", class_name="when-fresh"),
        rx.el.span("Newest", class_name="when-stale"),
        icon("down"),
        type="button",
        hidden=True,
        on_click=TimelineState.show_newest,
        class_name="button jump",
        custom_attrs={"data-jump": "true"},
    )


def _nothing_yet() -> rx.Component:
    return empty_state("bubbles", "No messages yet. Say hello.")
