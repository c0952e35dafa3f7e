"""States of a list: loading, empty and failed; and the badge of unread messages."""

import reflex as rx

from chat_app.ui.kit.controls import IconName, icon
from chat_app.ui.reflex.elements import said, say


def skeleton(label: rx.Var[str], rows: int = 4) -> rx.Component:
    """Show quiet rows where a list is about to be, so that nothing shifts when it comes."""
    return rx.el.div(
        rx.el.span(label, class_name="visually-hidden"),
        *(rx.el.div(class_name="skeleton-row", aria_hidden="true") for _ in range(rows)),
        class_name="skeleton",
        aria_busy="true",
    )


def empty_state(
    picture: IconName,
    sentence: rx.Var[str],
    *more: rx.Component,
    heading: rx.Component | None = None,
) -> rx.Component:
    """Show one sentence on why a list is empty, and what can be done about it."""
    return rx.el.div(
        icon(picture), heading or rx.fragment(), rx.el.p(sentence), *more, class_name="empty"
    )


def notice(text: str | rx.Var[str], *more: rx.Component) -> rx.Component:
    """Show an error of the server beside what it concerns; a screen reader announces it."""
    return rx.el.div(rx.el.span(said(text)), *more, class_name="notice", role="alert")


def problem(text: str | rx.Var[str]) -> rx.Component:
    """Show the error of a list, or nothing while `text` is empty."""
    return rx.cond(text != "", notice(text), rx.fragment())


def badge(count: int | rx.Var[int]) -> rx.Component:
    """Show a number of unread messages; only screen readers get the word "unread"."""
    return rx.el.span(
        # A space, for the reader does not see where the badge ends.
        count,
        rx.el.span(" ", say("unread"), class_name="visually-hidden"),
        class_name="badge",
    )
