"""The log of messages."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.browser import (
    full_time,
    new_day,
    rich_text,
    time_of_day,
    timeline_element,
)
from chat_app.ui.conversations.lists import account_id
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import button, icon, icon_button
from chat_app.ui.kit.states import empty_state, notice
from chat_app.ui.messages.actions import MENU, message_actions
from chat_app.ui.messages.head import LIST, NO_HEAD, Head
from chat_app.ui.messages.rows import ShownMessage
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.reflex.elements import event_name, kept_facts_of, kept_row, kept_timeline
from chat_app.ui.reflex.vars import Cells, cells

WAITING_CLASS = rx.Var.create({"Queued": "pending", "Sent": "pending", "Failed": "failed"})


class Facts(TypedDict):
    """The facts about the messages of a conversation: see `assets/browser/messages.js`."""

    loaded: bool
    older: bool
    newer: bool
    unread_from: int
    own_read_seq: int
    problem: str


NO_FACTS = Facts(loaded=False, older=False, newer=False, unread_from=0, own_read_seq=0, problem="")


def chat_row(conversation_id: rx.Var[str]) -> Cells:
    """Return the row of a conversation that was opened."""
    return kept_row(LIST, conversation_id, NO_HEAD).to(Head)


def timeline_facts(conversation_id: rx.Var[str]) -> Cells:
    """Return the facts about the messages of a conversation."""
    return kept_facts_of("messages", conversation_id, NO_FACTS).to(Facts)


def timeline(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the messages that the page has, those that wait among them, and the way to the end."""
    return rx.fragment(
        timeline_element(
            message_log(conversation_id=conversation_id),
            _jump(),
            message_actions(),
            conversation_id=conversation_id,
            user_id=account_id(),
            read_seq=timeline_facts(conversation_id)["own_read_seq"],
            page_event=event_name(TimelineState.send_page),
        ),
        # Another conversation gets an element of its own: nothing of the last one lingers.
        key=conversation_id,
    )


@rx.memo
def message_log(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the log of a conversation's messages."""
    facts = timeline_facts(conversation_id)
    chat = chat_row(conversation_id)
    rows = kept_timeline(conversation_id).to(list[ShownMessage])
    return rx.el.div(
        rx.el.div(
            rx.cond(facts["older"], _page_turn("Show earlier messages", "older")),
            rx.cond(rows.length() > 0, rx.fragment(), _nothing_yet()),
            rx.foreach(
                rows,
                lambda message: rx.fragment(
                    message_item(
                        message=message,
                        is_delivered=message["order"] <= chat["delivered_seq"],
                        is_read=message["order"] <= chat["read_seq"],
                        begins_new=message["order"] == facts["unread_from"],
                    ),
                    key=message["key"],
                ),
            ),
            rx.cond(facts["newer"], _page_turn("Show later messages", "newer")),
            rx.cond(
                facts["problem"] != "",
                notice(facts["problem"], _page_turn("Try again", "missing")),
            ),
            class_name="column",
        ),
        role="log",
        aria_label="Messages",
        tab_index=0,
        class_name="log",
    )


@rx.memo
def message_item(
    message: rx.Var[ShownMessage],
    is_delivered: rx.Var[bool],
    is_read: rx.Var[bool],
    begins_new: rx.Var[bool],
) -> rx.Component:
    """Show one message, after the lines that stand above it."""
    cell = cells(message)
    return rx.fragment(
        _day_line(cell),
        rx.cond(begins_new, rx.el.div("New messages", class_name="new-line")),
        rx.cond(cell["notice"], _notice(cell), _article(cell, is_delivered, is_read)),
    )


def _notice(cell: Cells) -> rx.Component:
    return rx.el.p(
        cell["text"],
        " ",
        rx.el.time(time_of_day(cell["at"]), date_time=cell["at"], title=full_time(cell["at"])),
        class_name="notice-line",
        custom_attrs={"data-id": cell["id"], "data-seq": cell["order"]},
    )


def _article(cell: Cells, is_delivered: rx.Var[bool], is_read: rx.Var[bool]) -> rx.Component:
    return rx.el.article(
        rx.cond(
            cell["mine"],
            rx.el.span("You", class_name="visually-hidden"),
            _author(cell),
        ),
        rx.el.div(
            # Elements and text, and never HTML: React escapes what people write.
            rx.el.div(rich_text(cell["text"]), class_name="bubble", dir="auto"),
            _meta(cell, is_delivered, is_read),
            _more(cell),
            class_name="said",
        ),
        rx.cond(cell["reason"] != "", _refusal(cell)),
        class_name=[
            "message",
            rx.cond(cell["mine"], "mine", ""),
            rx.cond(cell["first"], "first", ""),
            rx.cond(cell["last"], "last", ""),
            rx.cond(cell["deleted"], "deleted", ""),
            rx.cond(cell["called"], "called", ""),
            rx.cond(cell["state"] != "", WAITING_CLASS[cell["state"]], ""),
        ],
        # A message that waits is not announced: the stored one will be.
        aria_live=rx.cond(cell["state"] != "", "off", None),
        custom_attrs={
            "data-id": rx.cond(cell["id"] != "", cell["id"], None),
            "data-seq": cell["order"],
            "data-client-id": cell["client_id"],
        },
    )


def _day_line(cell: Cells) -> rx.Component:
    day = new_day(cell["before"], cell["at"])
    return rx.cond(day != "", rx.el.div(rx.el.time(day, date_time=cell["at"]), class_name="day"))


def _author(cell: Cells) -> rx.Component:
    return rx.cond(
        cell["first"],
        rx.fragment(
            avatar(cell["letters"], cell["tone"]),
            rx.el.span(rx.el.bdi(cell["author"]), class_name=["author", "one-line", cell["tone"]]),
        ),
        rx.el.span(cell["author"], class_name="visually-hidden"),
    )


def _meta(cell: Cells, is_delivered: rx.Var[bool], is_read: rx.Var[bool]) -> rx.Component:
    return rx.el.div(
        rx.cond(cell["edited"], rx.el.span("edited", class_name="edited")),
        rx.el.time(time_of_day(cell["at"]), date_time=cell["at"], title=full_time(cell["at"])),
        rx.cond(
            cell["mine"],
            rx.match(
                cell["state"],
                ("Queued", _status("Queued", "glyph queued")),
                ("Failed", _status("Failed", "glyph failed")),
                ("Sent", _status("Sent", "glyph sent")),
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
        ),
        class_name="meta",
    )


def _status(word: str, class_name: str) -> rx.Component:
    return rx.el.span(role="img", aria_label=word, title=word, class_name=class_name)


def _more(cell: Cells) -> rx.Component:
    # A deleted message of the user has no actions.
    return rx.cond(
        (cell["mine"] & cell["deleted"]) | (cell["id"] == ""),
        rx.fragment(),
        icon_button(
            "more",
            "More actions",
            class_name="icon-button more",
            aria_haspopup="menu",
            custom_attrs={MENU: "true"},
        ),
    )


def _refusal(cell: Cells) -> rx.Component:
    """Show why a message was refused, and what can be done about it."""
    return rx.el.div(
        rx.el.span(cell["reason"], role="alert", class_name="error-text"),
        *(
            button(label, kind="quiet", custom_attrs={"data-act": label.lower()})
            for label in ("Edit", "Retry", "Delete")
        ),
        class_name="refusal",
    )


def _page_turn(label: str, which: str) -> rx.Component:
    # The script asks near the end of what is shown; people with a keyboard press the button.
    return button(label, kind="quiet", custom_attrs={"data-page": which})


def _jump() -> rx.Component:
    return rx.el.button(
        rx.el.span("New messages", class_name="when-fresh"),
        rx.el.span("Newest", class_name="when-stale"),
        icon("down"),
        type="button",
        hidden=True,
        class_name="button jump",
        custom_attrs={"data-jump": "true"},
    )


def _nothing_yet() -> rx.Component:
    return empty_state("bubbles", "No messages yet. Say hello.")
