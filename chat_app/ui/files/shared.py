"""The buttons that open the list of files shared in a conversation."""

import reflex as rx

from chat_app.ui.browser import shared_files_element
from chat_app.ui.kit.controls import button, icon_button
from chat_app.ui.reflex.elements import say

TITLE = say("Shared files")


def shared_files_icon(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the button in the header of a conversation, where there is room for it."""
    opener = icon_button("files", TITLE, class_name="icon-button wide-only", aria_haspopup="dialog")
    return shared_files_element(opener, conversation_id=conversation_id)


def shared_files_button(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the button among the details of a conversation."""
    opener = button(TITLE, aria_haspopup="dialog")
    return shared_files_element(opener, conversation_id=conversation_id)
