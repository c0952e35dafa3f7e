"""The frame of every signed-in page: the side pane and what is open beside it."""

from typing import Literal

import reflex as rx

from chat_app.ui.browser.scripts import address_id, connection_status, gate_scripts
from chat_app.ui.conversations.side import side_pane
from chat_app.ui.conversations.state import ConversationsState
from chat_app.ui.messages.pane import PANE, chat_pane, no_chat_pane

PRODUCT = "Chat"


def home_page() -> rx.Component:
    """Show the conversations, none of them open."""
    return _shell("list", side_pane(""), no_chat_pane(), heading=rx.el.h1(PRODUCT))


def chat_page() -> rx.Component:
    """Show a conversation beside the others; its head is the heading of the page."""
    return _shell("chat", side_pane(address_id()), chat_pane())


def page_title() -> rx.Var[str]:
    """Return the product's name, after the number of unread messages."""
    unread = ConversationsState.unread_total
    return rx.cond(unread > 0, f"({unread}) {PRODUCT}", PRODUCT)


def _shell(
    view: Literal["list", "chat"],
    side: rx.Component,
    pane: rx.Component,
    heading: rx.Component | None = None,
) -> rx.Component:
    """Show both panes; where only one fits, the address has chosen which."""
    return rx.fragment(
        rx.el.A.create("Skip to the messages", href=f"#{PANE}", class_name="skip"),
        connection_status(),
        rx.el.main(
            rx.el.div(
                rx.el.div(heading, class_name="only-heard") if heading else rx.fragment(),
                gate_scripts(side),
                class_name="side",
            ),
            pane,
            class_name="shell",
            custom_attrs={"data-view": view},
        ),
    )
