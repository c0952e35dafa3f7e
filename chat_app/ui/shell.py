"""The frame of every signed-in page: its head, the side pane and the pane beside it."""

from typing import Literal

import reflex as rx

from chat_app.ui.browser import (
    address_id,
    auth_forms,
    connection_status,
    hold_early_forms,
    notification_element,
    reload_without_missing_files,
)
from chat_app.ui.conversations.lists import conversation_facts
from chat_app.ui.conversations.side import side_pane
from chat_app.ui.friends.page import people_pane
from chat_app.ui.friends.person_dialog import person_dialog
from chat_app.ui.kit.states import empty_state
from chat_app.ui.messages.pane import PANE, chat_pane, no_chat_pane
from chat_app.ui.session import SessionState
from chat_app.ui.settings.page import settings_pane

PRODUCT = "Chat"
# The look: `chat.css` holds tokens and the style of every part, `icons.css` the icons. Light or
# dark is Reflex's colour mode, a class on the page's root that is there before the first paint.
# Nothing of it is decided in Python, so that a designer finds all of it in one place.
STYLESHEETS = ["/chat.css", "/icons.css"]


def head_components() -> list[rx.Component]:
    """Return what stands in the head of every page."""
    return [
        rx.el.meta(
            name="viewport",
            # The on-screen keyboard shrinks the page, so that the composer stays above it.
            content="width=device-width, initial-scale=1, interactive-widget=resizes-content",
        ),
        rx.el.meta(name="color-scheme", content="light dark"),
        # Before everything that it watches.
        reload_without_missing_files(),
        # Before every other script: they read the server's address from it.
        rx.el.script(src="/server.js"),
        rx.el.script(src="/home.js"),
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
        hold_early_forms(),
    ]


def home_page() -> rx.Component:
    """Show the conversations, none of them open."""
    return _shell("list", side_pane(""), no_chat_pane(), heading=rx.el.h1(PRODUCT))


def chat_page() -> rx.Component:
    """Show a conversation beside the others; its head is the heading of the page."""
    return _shell("chat", side_pane(address_id()), chat_pane())


def settings_page() -> rx.Component:
    """Show the settings beside the conversations."""
    return _shell(
        "chat",
        side_pane("", signs_out=False),
        settings_pane(PANE),
        skip="Skip to the settings",
    )


def people_page() -> rx.Component:
    """Show friends, requests and suggestions beside the conversations."""
    return _shell("chat", side_pane(""), people_pane(PANE), skip="Skip to the people")


def not_found_page() -> rx.Component:
    """Show that there is no such page."""
    return rx.el.main(
        empty_state(
            "lost",
            "There is no such page.",
            rx.el.A.create("To the conversations", href="/", class_name="button plain"),
            heading=rx.el.h1("Not found"),
        ),
        class_name="gate",
    )


def error_page() -> rx.Component:
    """Show that a page could not be drawn; the reason is in the log."""
    return rx.el.main(
        empty_state(
            "lost",
            "Something went wrong on this page. What you wrote is kept.",
            rx.el.A.create("Load it again", href="", class_name="button primary"),
            heading=rx.el.h1("Sorry"),
        ),
        class_name="gate",
    )


def page_title(name: str | rx.Var[str] = "") -> rx.Var[str]:
    """Return the title of a page, after the number of unread messages."""
    unread = conversation_facts()["unread_total"]
    return rx.Var.create(
        f"{rx.cond(unread > 0, f'({unread}) ', '')}{rx.cond(name != '', f'{name} · ', '')}{PRODUCT}"
    )


def _shell(
    view: Literal["list", "chat"],
    side: rx.Component,
    pane: rx.Component,
    heading: rx.Component | None = None,
    skip: str = "Skip to the messages",
) -> rx.Component:
    """Show both panes; where only one fits, `view` is the one that is shown."""
    return rx.fragment(
        rx.el.A.create(skip, href=f"#{PANE}", class_name="skip"),
        connection_status(),
        notification_element(
            open_id=address_id() if view == "chat" else "",
            sound=SessionState.sound,
        ),
        rx.el.main(
            rx.el.div(
                rx.el.div(heading, class_name="visually-hidden") if heading else rx.fragment(),
                auth_forms(side),
                class_name="side",
            ),
            pane,
            class_name="shell",
            custom_attrs={"data-view": view},
        ),
        person_dialog(),
    )
