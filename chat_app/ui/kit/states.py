"""What a list shows while it is loading, when it is empty, and when it could not be loaded."""

import reflex as rx

from chat_app.ui.kit.controls import IconName, icon


def skeleton(label: str, rows: int = 4) -> rx.Component:
    """Show quiet rows where a list is about to be, so that nothing shifts when it comes."""
    return rx.el.div(
        rx.el.span(label, class_name="only-heard"),
        *(rx.el.div(class_name="skeleton-row", aria_hidden="true") for _ in range(rows)),
        class_name="skeleton",
        aria_busy="true",
    )


def empty_state(
    picture: IconName, sentence: str, *more: rx.Component, heading: rx.Component | None = None
) -> rx.Component:
    """Say in one sentence why nothing is here, and offer what to do about it."""
    return rx.el.div(
        icon(picture), heading or rx.fragment(), rx.el.p(sentence), *more, class_name="empty"
    )


def notice(words: str | rx.Var[str], *more: rx.Component) -> rx.Component:
    """Say what went wrong, beside what it concerns."""
    return rx.el.div(rx.el.span(words), *more, class_name="notice", role="alert")


def problem(words: str | rx.Var[str]) -> rx.Component:
    """Say what went wrong with a list, if anything did."""
    return rx.cond(words != "", notice(words), rx.fragment())


def badge(count: int | rx.Var[int]) -> rx.Component:
    """Show how many messages are unread; the word is heard only."""
    return rx.el.span(count, rx.el.span(" unread", class_name="only-heard"), class_name="badge")
