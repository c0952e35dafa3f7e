"""The pane of `/scheduled`: what is sent later, and what a person is reminded of."""

from typing import TypedDict

import reflex as rx

from chat_app.ui.browser import (
    full_time,
    marks_element,
    plain_text,
    scheduled_element,
    time_ahead,
    wanted_list,
)
from chat_app.ui.kit.avatar import avatar
from chat_app.ui.kit.controls import (
    PANE,
    back_link,
    button,
    dialog,
    icon,
    icon_opener,
    unmark_button,
    unmark_error,
)
from chat_app.ui.kit.states import empty_state, skeleton
from chat_app.ui.reflex.elements import event_name, kept_facts, kept_rows, said, say
from chat_app.ui.reflex.vars import Cells, call, cells
from chat_app.ui.saved.page import found_message
from chat_app.ui.scheduled.rows import ReminderRow, ScheduledRow
from chat_app.ui.scheduled.state import ROUTE, ScheduledState
from chat_app.ui.scheduled.view import LIST, REMINDERS

TITLE = say("Scheduled")


class Facts(TypedDict):
    """The facts about both lists."""

    loaded: bool


NO_FACTS = Facts(loaded=False)


def scheduled_button() -> rx.Component:
    """Show the button that opens what is scheduled."""
    return icon_opener("clock", TITLE, ROUTE)


def scheduled_pane() -> rx.Component:
    """Show what is sent later, and the reminders."""
    return rx.el.section(
        rx.el.header(
            back_link(), rx.el.h1(TITLE, id="scheduled-title"), class_name="chat-head page-head"
        ),
        rx.el.div(
            rx.el.section(
                wanted_list(
                    name=LIST,
                    event=event_name(ScheduledState.load_again),
                    payload="{}",
                    leave=event_name(ScheduledState.close),
                ),
                scheduled_element(marks_element(scheduled_lists())),
                aria_labelledby="scheduled-title",
                class_name="people",
            ),
            class_name="people-scroll",
        ),
        delete_question(),
        id=PANE,
        tab_index=-1,
        class_name="pane",
    )


@rx.memo
def scheduled_lists() -> rx.Component:
    """Show both lists, once the page has them."""
    facts = cells(kept_facts(LIST, NO_FACTS).to(Facts))
    scheduled = kept_rows(LIST).to(list[ScheduledRow])
    reminders = kept_rows(REMINDERS).to(list[ReminderRow])
    is_empty = (cells(scheduled).length() == 0) & (cells(reminders).length() == 0)
    return rx.cond(
        facts["loaded"],
        rx.cond(
            is_empty,
            empty_state(
                "clock",
                say(
                    "Nothing is scheduled. Write a message and press “Send later”, or choose "
                    "“Remind me” in the menu of a message."
                ),
            ),
            rx.fragment(
                rx.cond(
                    cells(scheduled).length() > 0,
                    _part(say("Messages"), say("Scheduled messages"), _scheduled_rows(scheduled)),
                ),
                rx.cond(
                    cells(reminders).length() > 0,
                    _part(say("Reminders"), say("Reminders"), _reminder_rows(reminders)),
                ),
            ),
        ),
        skeleton(say("Loading what is scheduled…"), rows=6),
    )


def _part(heading: rx.Var[str], name: rx.Var[str], rows: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.h2(heading),
        rx.el.ul(
            rows,
            aria_label=name,
            class_name="found-messages",
            custom_attrs={"data-arrows": "true"},
        ),
        class_name="people-region",
    )


def _scheduled_rows(rows: rx.Var[list[ScheduledRow]]) -> rx.Component:
    return rx.foreach(rows, lambda row: rx.fragment(scheduled_item(row=row), key=row["id"]))


def _reminder_rows(rows: rx.Var[list[ReminderRow]]) -> rx.Component:
    return rx.foreach(rows, lambda row: rx.fragment(reminder_item(row=row), key=row["id"]))


@rx.memo
def scheduled_item(row: rx.Var[ScheduledRow]) -> rx.Component:
    """Show a scheduled message, what can be done with it, and why it was refused."""
    one = cells(row)
    name_id = rx.Var.create(f"scheduled-{one['id']}")
    refused = one["state"] == "refused"
    return rx.el.li(
        rx.cond(
            one["href"] != "",
            rx.el.a(_message(one), to=one["href"], id=name_id, class_name="row found-message"),
            rx.el.div(_message(one), id=name_id, class_name="row found-message no-place"),
        ),
        rx.cond(
            refused,
            rx.el.p(
                say("Not sent: {reason}", reason=said(one["reason"])),
                class_name="error-text",
                role="alert",
            ),
        ),
        rx.el.div(
            rx.cond(refused, _action(say("Copy"), "copy", one["id"], name_id)),
            _action(say("Edit"), "edit", one["id"], name_id),
            button(
                say("Send now"),
                kind="quiet",
                on_click=call(ScheduledState.send_now, one["id"]),
                aria_describedby=name_id,
            ),
            button(
                say("Delete"),
                kind="quiet",
                on_click=call(ScheduledState.ask, one["id"]),
                aria_describedby=name_id,
                aria_haspopup="dialog",
            ),
            class_name="found-actions",
        ),
        _failure(one["id"]),
        class_name="found-item",
    )


@rx.memo
def reminder_item(row: rx.Var[ReminderRow]) -> rx.Component:
    """Show a message, when its reader is reminded of it, and how to change that."""
    one = cells(row)
    name_id = rx.Var.create(f"reminder-{one['id']}")
    return rx.el.li(
        rx.el.a(
            found_message(one, plain_text(one["text"])),
            to=one["href"],
            id=name_id,
            class_name="row found-message",
        ),
        rx.el.div(
            rx.el.span(_when(one["remind_at"]), class_name="row-time"),
            _action(say("Change"), "change", one["id"], name_id),
            unmark_button("reminder", say("Remove the reminder"), one["id"], name_id),
            class_name="found-actions",
        ),
        unmark_error(),
        class_name="found-item",
    )


@rx.memo
def delete_question() -> rx.Component:
    """Ask whether to delete a scheduled message."""
    return rx.cond(
        ScheduledState.asked_id != "",
        dialog(
            rx.el.span(say("Delete this scheduled message?")),
            rx.el.p(say("It is not sent, and its text is gone."), class_name="sheet-text"),
            on_dismiss=ScheduledState.dismiss,
            beside=button(say("Delete"), kind="danger", on_click=ScheduledState.delete),
        ),
        rx.fragment(),
    )


def _message(one: Cells) -> rx.Component:
    return rx.fragment(
        avatar(one),
        rx.el.span(
            rx.el.span(
                rx.el.span(one["name"], class_name="row-name one-line", dir="auto"),
                rx.cond(one["state"] == "waiting", _when(one["at"])),
                class_name="row-line",
            ),
            rx.cond(one["is_reply"], rx.el.span(say("Reply"), class_name="row-time one-line")),
            rx.el.span(plain_text(one["text"]), class_name="found-text", dir="auto"),
            class_name="row-text",
        ),
    )


def _when(at: Cells) -> rx.Component:
    return rx.el.span(
        icon("clock"),
        rx.el.time(time_ahead(at), date_time=at, title=full_time(at)),
        class_name="row-time when",
    )


def _action(label: rx.Var[str], action: str, row_id: Cells, name_id: rx.Var[str]) -> rx.Component:
    return button(
        label,
        kind="quiet",
        aria_describedby=name_id,
        custom_attrs={"data-later": action, "data-row": row_id},
    )


def _failure(row_id: Cells) -> rx.Component:
    return rx.fragment(
        rx.cond(
            ScheduledState.failed_id == row_id,
            rx.el.p(said(ScheduledState.failed), role="alert", class_name="error-text"),
        ),
    )
