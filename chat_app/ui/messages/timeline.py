"""The log of messages."""

import reflex as rx

from chat_app.ui.browser.scripts import full_time, new_day, time_of_day, timeline_element
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.button import button
from chat_app.ui.kit.icon import icon
from chat_app.ui.kit.states import empty_state, notice
from chat_app.ui.messages.rows import MessageRow
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.session import SessionState


def timeline() -> rx.Component:
    """Show the window of messages, what waits in the outbox below it, and the way to the end."""
    return rx.fragment(
        timeline_element(
            _log(),
            _jump(),
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
            _page_turn("Show earlier messages", TimelineState.has_older, "earlier"),
            rx.cond(TimelineState.tail.length() == 0, _nothing_yet()),
            rx.foreach(TimelineState.older + TimelineState.tail, _row),
            _page_turn("Show later messages", TimelineState.has_newer, "later"),
            rx.cond(TimelineState.problem != "", notice(TimelineState.problem)),
            # Filled by the script. Not announced: the stored message will be.
            rx.el.div(custom_attrs={"data-pending": "true"}, aria_live="off"),
            class_name="column",
        ),
        role="log",
        aria_label="Messages",
        tab_index=0,
        class_name="log",
    )


def _row(message: rx.Var[MessageRow]) -> rx.Component:
    return rx.fragment(
        message_item(
            message=message,
            is_read=message["seq"] <= TimelineState.read_seq,
            begins_new=message["seq"] == TimelineState.new_from,
        ),
        key=message["id"],
    )


@rx.memo
def message_item(
    message: rx.Var[MessageRow], is_read: rx.Var[bool], begins_new: rx.Var[bool]
) -> rx.Component:
    """Show one message, after the lines that stand above it."""
    return rx.fragment(
        _day_line(message),
        rx.cond(begins_new, rx.el.div("New messages", class_name="new-line")),
        rx.el.article(
            rx.cond(
                message["mine"],
                rx.el.span("You", class_name="only-heard"),
                _author(message),
            ),
            rx.el.div(
                # Text, and nothing but text: React escapes it, and no markup is ever read from it.
                rx.el.div(message["text"], class_name="bubble", dir="auto"),
                _meta(message, is_read),
                class_name="said",
            ),
            class_name=[
                "message",
                rx.cond(message["mine"], "mine", ""),
                rx.cond(message["first"], "first", ""),
                rx.cond(message["last"], "last", ""),
                rx.cond(message["deleted"], "deleted", ""),
            ],
            custom_attrs={"data-seq": message["seq"], "data-client-id": message["client_id"]},
        ),
    )


def _day_line(message: rx.Var[MessageRow]) -> rx.Component:
    day = new_day(message["before"], message["at"])
    return rx.cond(
        day != "", rx.el.div(rx.el.time(day, date_time=message["at"]), class_name="day")
    )


def _author(message: rx.Var[MessageRow]) -> rx.Component:
    return rx.cond(
        message["first"],
        rx.fragment(
            avatar(message["letters"], message["tone"]),
            rx.el.span(message["author"], class_name="author", dir="auto"),
        ),
        rx.el.span(message["author"], class_name="only-heard"),
    )


def _meta(message: rx.Var[MessageRow], is_read: rx.Var[bool]) -> rx.Component:
    return rx.el.div(
        rx.el.time(
            time_of_day(message["at"]), date_time=message["at"], title=full_time(message["at"])
        ),
        rx.cond(
            message["mine"],
            rx.cond(is_read, _status("Read", "glyph read"), _status("Sent", "glyph sent")),
        ),
        class_name="meta",
    )


def _status(word: str, class_name: str) -> rx.Component:
    return rx.el.span(role="img", aria_label=word, title=word, class_name=class_name)


def _page_turn(words: str, there_is_more: bool | rx.Var[bool], which: str) -> rx.Component:
    handler = TimelineState.show_earlier if which == "earlier" else TimelineState.show_later
    return rx.cond(
        there_is_more,
        button(
            words,
            kind="quiet",
            on_click=handler,
            custom_attrs={f"data-{which}": "true"},
        ),
    )


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
