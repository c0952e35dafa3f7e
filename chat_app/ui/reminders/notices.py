"""The notices of reminders that are due, above every page."""

import reflex as rx

from chat_app.ui.browser import due_element, plain_text
from chat_app.ui.kit.controls import button, icon
from chat_app.ui.reflex.elements import event_name, kept_rows, say
from chat_app.ui.reflex.vars import cells
from chat_app.ui.reminders.state import RemindersState
from chat_app.ui.reminders.view import LIST
from chat_app.ui.saved.rows import FoundRow


@rx.memo
def due_notices() -> rx.Component:
    """Show each reminder that is due, until it is followed or dismissed."""
    rows = kept_rows(LIST).to(list[FoundRow])
    return due_element(
        rx.cond(
            cells(rows).length() > 0,
            rx.el.section(
                rx.foreach(rows, lambda row: rx.fragment(due_notice(row=row), key=row["id"])),
                aria_label=say("Due reminders"),
                class_name="due-notices",
            ),
        ),
        dismiss_event=event_name(RemindersState.dismiss),
    )


@rx.memo
def due_notice(row: rx.Var[FoundRow]) -> rx.Component:
    """Show the message of a reminder, with a link to its place."""
    one = cells(row)
    name_id = rx.Var.create(f"due-{one['id']}")
    return rx.el.div(
        rx.el.p(
            icon("clock"),
            say("Reminder"),
            class_name="due-title",
        ),
        rx.el.div(
            rx.el.p(
                rx.el.bdi(one["author"]),
                rx.cond(
                    (one["about"] != "") & (one["about"] != one["author"]),
                    rx.fragment(" · ", rx.el.bdi(one["about"])),
                ),
                class_name="row-time",
            ),
            rx.el.p(plain_text(one["text"]), dir="auto", class_name="found-text"),
            id=name_id,
        ),
        rx.el.div(
            rx.el.a(
                say("Show message"),
                to=one["href"],
                class_name="button primary",
                aria_describedby=name_id,
                custom_attrs={"data-due": one["id"]},
            ),
            button(say("Dismiss"), aria_describedby=name_id, custom_attrs={"data-due": one["id"]}),
            class_name="found-actions",
        ),
        role="alert",
        class_name="due-notice",
    )
