"""The dialog about one person: befriend, unfriend, block and unblock, each explained.

Opened from their conversation, it mutes, favours and archives that, too.
"""

from typing import Any

import reflex as rx

from chat_app.ui.admin.report import report_choice
from chat_app.ui.files.shared import shared_files_button
from chat_app.ui.friends.state import FriendsState
from chat_app.ui.kit.controls import button, dialog, icon_button
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.messages.timeline import chat_row
from chat_app.ui.reflex.elements import said, say
from chat_app.ui.reflex.vars import Cells, Handler, call


def more_button(
    user_id: str | rx.Var[str],
    name: str | rx.Var[str],
    **props: Any,  # noqa: ANN401  # whatever an HTML button takes
) -> rx.Component:
    """Show the button that opens the dialog about a person."""
    return icon_button(
        "more",
        say("More"),
        on_click=call(FriendsState.choose, user_id, name),
        aria_haspopup="dialog",
        **props,
    )


@rx.memo
def person_dialog(conversation_id: rx.Var[str]) -> rx.Component:
    """Show the dialog while a person is chosen; `conversation_id` is the open conversation."""
    chat = chat_row(conversation_id)
    failed = FriendsState.failed_id == FriendsState.chosen_id
    return rx.cond(
        FriendsState.chosen_id != "",
        dialog(
            rx.el.bdi(FriendsState.chosen_name),
            rx.match(
                FriendsState.chosen_friendship,
                ("friends", rx.fragment(_unfriend(), _block())),
                ("requested", rx.fragment(_remove(say("Cancel the request")), _block())),
                ("incoming", rx.fragment(_accept(), _remove(say("Decline the request")), _block())),
                ("blocked", _unblock()),
                rx.fragment(_add_friend(), _block()),
            ),
            report_choice(user_id=FriendsState.chosen_id),
            rx.cond(chat["peer_id"] == FriendsState.chosen_id, _own_part(chat)),
            rx.cond(
                failed,
                rx.el.p(said(FriendsState.failed), role="alert", class_name="error-text"),
                rx.fragment(),
            ),
            on_dismiss=FriendsState.dismiss,
        ),
        rx.fragment(),
    )


def _own_part(chat: Cells) -> rx.Component:
    """Show what concerns the reader's view of the conversation alone."""
    failed = TimelineState.own_part_failed
    return rx.el.div(
        shared_files_button(chat["id"]),
        *(
            button(
                rx.cond(chat[name], off, on),
                on_click=call(TimelineState.set_own_part, name, ~chat[name]),
            )
            for name, on, off in (
                ("muted", say("Mute"), say("Unmute")),
                ("favourite", say("Add to favourites"), say("Remove from favourites")),
                ("archived", say("Archive"), say("Unarchive")),
            )
        ),
        rx.cond(failed != "", rx.el.p(failed, role="alert", class_name="error-text")),
        class_name="sheet-choice",
    )


def _choice(name: str, label: rx.Var[str], meaning: rx.Var[str], handler: Handler) -> rx.Component:
    about = f"means-{name}"
    return rx.el.div(
        button(label, on_click=call(handler, FriendsState.chosen_id), aria_describedby=about),
        rx.el.p(meaning, id=about),
        class_name="sheet-choice",
    )


def _add_friend() -> rx.Component:
    meaning = say("They see your request, and you are friends once they accept.")
    return _choice("request", say("Add friend"), meaning, FriendsState.request)


def _accept() -> rx.Component:
    return _choice("accept", say("Accept"), say("You become friends."), FriendsState.accept)


def _remove(label: rx.Var[str]) -> rx.Component:
    return _choice("remove", label, say("It can be made again later."), FriendsState.remove_request)


def _unfriend() -> rx.Component:
    meaning = say("You leave each other's list of friends. Your messages stay.")
    return _choice("unfriend", say("Unfriend"), meaning, FriendsState.unfriend)


def _block() -> rx.Component:
    meaning = say("Neither of you can write to or find the other. They are not told.")
    return _choice("block", say("Block"), meaning, FriendsState.block)


def _unblock() -> rx.Component:
    meaning = say("You can write to and find each other again. They are not told.")
    return _choice("unblock", say("Unblock"), meaning, FriendsState.unblock)
