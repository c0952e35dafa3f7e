"""The custom elements and functions of `assets/browser/`, as Reflex components and vars.

The scripts are bundled with the pages that use them. They also run where the pages are rendered
ahead, so at their top they touch nothing that only a browser has.
"""

import reflex as rx

from chat_app.ui.conversations.rows import Notification
from chat_app.ui.reflex.elements import (
    ScriptedElement,
    address_parameter,
    call_script,
    is_disconnected,
)
from chat_app.ui.reflex.vars import cells


class _Timeline(ScriptedElement):
    tag = "chat-timeline"
    script = "timeline.js"


class _Composer(ScriptedElement):
    tag = "chat-composer"
    script = "composer.js"


class _Actions(ScriptedElement):
    tag = "chat-actions"
    script = "actions.js"


class _News(ScriptedElement):
    tag = "chat-news"
    script = "news.js"


class _Connection(ScriptedElement):
    tag = "chat-connection"
    script = "connection.js"


class _Gate(ScriptedElement):
    tag = "chat-gate"
    script = "forms.js"


class _Status(ScriptedElement):
    tag = "chat-status"
    script = "status.js"


class _Keys(ScriptedElement):
    tag = "chat-keys"
    script = "keys.js"


class _Settings(ScriptedElement):
    tag = "chat-settings"
    script = "settings.js"


class _Dialog(ScriptedElement):
    tag = "chat-dialog"
    script = "dialog.js"


@rx.memo
def timeline_element(
    conversation_id: rx.Var[str],
    user_id: rx.Var[str],
    read_seq: rx.Var[int],
    children: rx.Var[rx.Component],
) -> rx.Component:
    """Put the log into the element that keeps the reader's place and shows the outbox."""
    return _Timeline.create(
        children,
        custom_attrs={
            "conversation-id": conversation_id,
            "user-id": user_id,
            "read-seq": read_seq,
        },
    )


@rx.memo
def composer_element(
    conversation_id: rx.Var[str], user_id: rx.Var[str], children: rx.Var[rx.Component]
) -> rx.Component:
    """Put the form into the element that sends, keeps drafts and knows the keys."""
    return _Composer.create(
        children, custom_attrs={"conversation-id": conversation_id, "user-id": user_id}
    )


@rx.memo
def connection_status() -> rx.Component:
    """Say so while the live link is down or the browser is offline."""
    return _Connection.create(
        role="status", custom_attrs={"down": rx.cond(is_disconnected(), "true", "false")}
    )


@rx.memo
def notification_element(
    notification: rx.Var[Notification],
    open_id: rx.Var[str],
    unread: rx.Var[int],
    sound: rx.Var[bool],
    user_id: rx.Var[str],
) -> rx.Component:
    """Have news be heard: a sound and a notification, by one of the tabs of this browser.

    It stands on every page of somebody signed in, so what waits in the outbox goes out there, too.
    """
    cell = cells(notification)
    return _News.create(
        role="status",
        custom_attrs={
            "message-id": cell["message_id"],
            "conversation-id": cell["conversation_id"],
            "from": cell["name"],
            "text": cell["text"],
            "open": open_id,
            "unread": unread,
            "sound": rx.cond(sound, "true", "false"),
            "user-id": user_id,
        },
    )


@rx.memo
def chat_status(
    online: rx.Var[bool], last_seen: rx.Var[str], names: rx.Var[list[str]], mark: rx.Var[int]
) -> rx.Component:
    """Say whether somebody is there, since when not, or that `names` are writing for a while.

    `mark` changes each time that somebody is heard to be writing.
    """
    return _Status.create(
        role="status",
        class_name="chat-status",
        custom_attrs={
            "online": rx.cond(online, "true", "false"),
            "last-seen": last_seen,
            "names": names.to_string(),
            "mark": mark,
        },
    )


def actions_element(*content: rx.Component) -> rx.Component:
    """Put a menu and a question into the element that shows them for any message."""
    return _Actions.create(*content)


@rx.memo
def settings_element(sound: rx.Var[str], children: rx.Var[rx.Component]) -> rx.Component:
    """Put the settings into the element that knows what this browser allows."""
    return _Settings.create(children, custom_attrs={"sound": sound})


def auth_forms(*content: rx.Component) -> rx.Component:
    """Show what signs in, up or out, with the script that does it."""
    return _Gate.create(*content)


def arrow_key_lists(*content: rx.Component) -> rx.Component:
    """Show lists that answer to the arrow keys."""
    return _Keys.create(*content)


def dialog_element(dialog: rx.Component) -> rx.Component:
    """Put a dialog into the element that shows it for as long as it is on the page."""
    return _Dialog.create(dialog)


def drop_past_position() -> rx.Component:
    """Drop the place in the past from the address of a page that is loaded anew.

    It is there for a link that broke. In the page's head, because the first event is sent before
    any of the other scripts has come.
    """
    return rx.el.script(
        'if (location.hash.startsWith("#from-"))'
        ' history.replaceState(history.state, "", location.pathname);'
    )


def hold_early_forms() -> rx.Component:
    """Keep a form that is sent before its script has come; the script then sends it.

    In the page's head: only what stands there is surely there before a visitor is.
    """
    return rx.el.script(
        'addEventListener("submit", (event) => {'
        " if (!event.target.dataset.auth || window.chatForms) return;"
        " event.preventDefault();"
        " window.chatEarlyForm = event.target;"
        "}, true);"
    )


def time_of_day(moment: rx.Var[str]) -> rx.Var[str]:
    """Say a time as "14:05"."""
    return call_script("clock.js", "timeOfDay", moment)


def full_time(moment: rx.Var[str]) -> rx.Var[str]:
    """Say a time with its date."""
    return call_script("clock.js", "fullTime", moment)


def short_time(moment: rx.Var[str]) -> rx.Var[str]:
    """Say a time as briefly as its distance allows."""
    return call_script("clock.js", "shortTime", moment)


def new_day(before: rx.Var[str], moment: rx.Var[str]) -> rx.Var[str]:
    """Name the day that begins between two times, or nothing."""
    return call_script("clock.js", "newDay", before, moment)


def linked(text: rx.Var[str]) -> rx.Var[str]:
    """Show a text with its web addresses as links, and nothing else of it as anything but text."""
    return call_script("links.js", "linked", text)


def address_id() -> rx.Var[str]:
    """Return the conversation that the address names: at once, before the server has answered."""
    return address_parameter("conversation_id")
