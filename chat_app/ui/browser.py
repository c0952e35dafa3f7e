"""The custom elements and functions of `assets/browser/` as Reflex components and vars.

The scripts are bundled with the pages that use them. They also run where the pages are prerendered,
so at their top level they touch nothing that only a browser has.
"""

from typing import Any

import reflex as rx

from chat_app.ui.conversations.lists import account_id
from chat_app.ui.reflex.elements import (
    ScriptedElement,
    address_parameter,
    call_hook,
    call_script,
    is_disconnected,
)
from chat_app.ui.reflex.vars import Cells, cells


class _Timeline(ScriptedElement):
    tag = "chat-timeline"
    script = "timeline.js"


class _Wanted(ScriptedElement):
    tag = "chat-wanted"
    script = "wanted.js"


class _Composer(ScriptedElement):
    tag = "chat-composer"
    script = "composer.js"


class _Attach(ScriptedElement):
    tag = "chat-attach"
    script = "attach.js"


class _Shared(ScriptedElement):
    tag = "chat-shared"
    script = "shared.js"


class _Mentions(ScriptedElement):
    tag = "chat-mentions"
    script = "mentions.js"


class _Actions(ScriptedElement):
    tag = "chat-actions"
    script = "actions.js"


class _News(ScriptedElement):
    tag = "chat-news"
    script = "news.js"


class _Connection(ScriptedElement):
    tag = "chat-connection"
    script = "connection.js"


class _EmojiNames(ScriptedElement):
    tag = "chat-emoji-names"
    script = "emoji_names.js"


class _Gate(ScriptedElement):
    tag = "chat-gate"
    script = "forms.js"


class _Registration(ScriptedElement):
    tag = "chat-registration"
    script = "registration.js"


class _Status(ScriptedElement):
    tag = "chat-status"
    script = "status.js"


class _Keys(ScriptedElement):
    tag = "chat-keys"
    script = "keys.js"


class _Search(ScriptedElement):
    tag = "chat-search"
    script = "search.js"


class _Shortcuts(ScriptedElement):
    tag = "chat-shortcuts"
    script = "shortcuts.js"


class _Settings(ScriptedElement):
    tag = "chat-settings"
    script = "settings.js"


class _Language(ScriptedElement):
    tag = "chat-language"
    script = "language.js"


class _Dialog(ScriptedElement):
    tag = "chat-dialog"
    script = "dialog.js"


class _Panel(ScriptedElement):
    tag = "chat-panel"
    script = "panel.js"


class _Filter(ScriptedElement):
    tag = "chat-filter"
    script = "filter.js"


class _Scheduled(ScriptedElement):
    tag = "chat-scheduled"
    script = "scheduled.js"


class _Marks(ScriptedElement):
    tag = "chat-marks"
    script = "marks.js"


class _Notice(ScriptedElement):
    tag = "chat-notice"
    script = "notice.js"


class _Due(ScriptedElement):
    tag = "chat-due"
    script = "due.js"


class _AvatarChoice(ScriptedElement):
    tag = "chat-avatar-choice"
    script = "avatar_choice.js"


class _Copy(ScriptedElement):
    tag = "chat-copy"
    script = "copy.js"


class _Push(ScriptedElement):
    tag = "chat-push"
    script = "push_settings.js"


class _Invitation(ScriptedElement):
    tag = "chat-invitation"
    script = "invitation.js"


@rx.memo
def timeline_element(
    conversation_id: rx.Var[str],
    user_id: rx.Var[str],
    read_seq: rx.Var[int],
    page_event: rx.Var[str],
    children: rx.Var[rx.Component],
) -> rx.Component:
    """Wrap the log in the element that keeps the scroll position and asks for pages."""
    return _Timeline.create(
        children,
        custom_attrs={
            "conversation-id": conversation_id,
            "user-id": user_id,
            "read-seq": read_seq,
            "page-event": page_event,
        },
    )


@rx.memo
def wanted_list(
    name: rx.Var[str], event: rx.Var[str], payload: rx.Var[str], leave: rx.Var[str]
) -> rx.Component:
    """Ask for a list until the page has it; show that it cannot be had, and a way to try again.

    The event `leave` is sent when the list is shown no more; "" where the server need not hear it.
    """
    return _Wanted.create(
        role="alert",
        class_name="wanted",
        custom_attrs={"list": name, "event": event, "payload": payload, "leave": leave},
    )


@rx.memo
def composer_element(
    conversation_id: rx.Var[str], user_id: rx.Var[str], children: rx.Var[rx.Component]
) -> rx.Component:
    """Wrap the form in the element that sends, keeps drafts and handles keys."""
    return _Composer.create(
        children, custom_attrs={"conversation-id": conversation_id, "user-id": user_id}
    )


def attach_element() -> rx.Component:
    """Show the files that are chosen for the message in the composer around it."""
    return _Attach.create()


@rx.memo
def shared_files_element(
    conversation_id: rx.Var[str], children: rx.Var[rx.Component]
) -> rx.Component:
    """Wrap the button that opens the files shared in a conversation in the element that does it."""
    return _Shared.create(children, custom_attrs={"conversation-id": conversation_id})


def mentions_element(event: str) -> rx.Component:
    """Complete names after an @ in the composer around it; `event` asks for people."""
    return _Mentions.create(custom_attrs={"event": event})


def emoji_names_element() -> rx.Component:
    """Complete the names of emoji after a colon in the composer around it."""
    return _EmojiNames.create()


@rx.memo
def connection_status() -> rx.Component:
    """Show that the link to the server is down, or the browser offline."""
    return _Connection.create(
        role="status", custom_attrs={"down": rx.cond(is_disconnected(), "true", "false")}
    )


@rx.memo
def notification_element(
    open_id: rx.Var[str], sound: rx.Var[bool], visible_event: rx.Var[str]
) -> rx.Component:
    """Play a sound and show a notification for messages, in one of the tabs of this browser.

    It is around every signed-in page, so it also sends what waits in the outbox, and with
    `visible_event` whether the page is visible.
    """
    return _News.create(
        role="status",
        custom_attrs={
            "open": open_id,
            "sound": rx.cond(sound, "true", "false"),
            "user-id": account_id(),
            "visible-event": visible_event,
        },
    )


@rx.memo
def chat_status(
    online: rx.Var[bool],
    last_seen: rx.Var[str],
    names: rx.Var[list[str]],
    mark: rx.Var[int],
    otherwise: rx.Var[str],
) -> rx.Component:
    """Show whether the peer is online, when they were last seen, or that `names` are typing.

    `mark` changes with each typing event: the element counts from then how long it is shown. A
    group shows `otherwise` while nobody types.
    """
    return _Status.create(
        role="status",
        class_name="chat-status",
        custom_attrs={
            "online": rx.cond(online, "true", "false"),
            "last-seen": last_seen,
            "names": names.to_string(),
            "mark": mark,
            "otherwise": otherwise,
        },
    )


def actions_element(*content: rx.Component, saved_event: str) -> rx.Component:
    """Wrap the menu and the dialogs in the element that opens them for any message.

    `saved_event` asks for the messages that the user has saved.
    """
    return _Actions.create(*content, custom_attrs={"saved-event": saved_event})


@rx.memo
def settings_element(
    sound: rx.Var[str], user_id: rx.Var[str], children: rx.Var[rx.Component]
) -> rx.Component:
    """Wrap the settings in the element that checks which notifications the browser allows."""
    return _Settings.create(children, custom_attrs={"sound": sound, "user-id": user_id})


@rx.memo
def language_element(
    locale: rx.Var[str], user_id: rx.Var[str], children: rx.Var[rx.Component]
) -> rx.Component:
    """Wrap the choice of the language in the element that stores it and loads the page anew.

    `locale` is that of the account, "" for none.
    """
    return _Language.create(children, custom_attrs={"locale": locale, "user-id": user_id})


def push_element(*content: rx.Component, user_id: rx.Var[str], quiet_event: str) -> rx.Component:
    """Wrap the settings of push in the element that subscribes this browser.

    `quiet_event` sets the quiet hours.
    """
    return _Push.create(*content, custom_attrs={"user-id": user_id, "quiet-event": quiet_event})


def search_element(*content: rx.Component, event: str, more_event: str) -> rx.Component:
    """Wrap the search of messages in the element that asks, and returns to the hit left last.

    The events ask for messages, and for more of them.
    """
    return _Search.create(*content, custom_attrs={"event": event, "more-event": more_event})


def shortcuts_element(*, go_to_event: str) -> rx.Component:
    """Listen for the keys that work everywhere; `go_to_event` asks for messages to go to."""
    return _Shortcuts.create(custom_attrs={"go-to-event": go_to_event})


def auth_forms(*content: rx.Component) -> rx.Component:
    """Wrap the forms to register, sign in and sign out in the element that sends them."""
    return _Gate.create(*content)


def registration_element(*content: rx.Component) -> rx.Component:
    """Wrap the form to sign up in the element that checks who may register."""
    return _Registration.create(*content)


def arrow_key_lists(*content: rx.Component) -> rx.Component:
    """Wrap lists in the element that moves the focus with the arrow keys."""
    return _Keys.create(*content)


def dialog_element(dialog: rx.Component) -> rx.Component:
    """Wrap a dialog in the element that opens it when it comes onto the page."""
    return _Dialog.create(dialog)


def panel_element(panel: rx.Component, *, event: str, payload: rx.Var[str]) -> rx.Component:
    """Wrap a panel in the element that moves the focus into it, and closes it with Escape.

    `event` asks the server to follow what it shows.
    """
    return _Panel.create(panel, custom_attrs={"event": event, "payload": payload})


def filter_element(*content: rx.Component) -> rx.Component:
    """Wrap the list of conversations in the element that keeps the choice of what it shows."""
    return _Filter.create(*content)


def listed_conversations(rows: rx.Var[Any], choice: rx.Var[str], open_id: rx.Var[str]) -> Cells:
    """Return the conversations to list, favourites first and newest first."""
    return cells(call_script("listed.js", "listed", rows, choice, open_id))


def archived_conversations(rows: rx.Var[Any]) -> Cells:
    """Return the archived conversations, newest first."""
    return cells(call_script("listed.js", "archived", rows))


def named_conversations(rows: rx.Var[Any], text: rx.Var[str]) -> rx.Var[Any]:
    """Return the conversations whose names have the words of a text, as places to go to."""
    return cells(call_script("named.js", "namedConversations", rows, text))


def scheduled_element(*content: rx.Component) -> rx.Component:
    """Wrap the lists of what is scheduled in the element that opens their dialogs."""
    return _Scheduled.create(*content)


def marks_element(*content: rx.Component) -> rx.Component:
    """Wrap a list of messages in the element that removes marks: saved, a reminder."""
    return _Marks.create(*content)


def notice_element() -> rx.Component:
    """Confirm for a while what was done, with a button that undoes it where that is possible."""
    return _Notice.create(role="status")


def due_element(*content: rx.Component, dismiss_event: str) -> rx.Component:
    """Wrap the notices of reminders in the element that dismisses them.

    `dismiss_event` does so on the other devices.
    """
    return _Due.create(*content, custom_attrs={"event": dismiss_event})


@rx.memo
def avatar_choice_element(
    path: rx.Var[str], event: rx.Var[str], children: rx.Var[rx.Component]
) -> rx.Component:
    """Wrap an avatar and its buttons in the element that sets and removes it at a path of the API.

    `event` asks the server to send what is there now.
    """
    return _AvatarChoice.create(
        children, class_name="avatar-choice", custom_attrs={"path": path, "event": event}
    )


def copy_element(*content: rx.Component) -> rx.Component:
    """Wrap a field and its button in the element that copies its text."""
    return _Copy.create(*content)


@rx.memo
def invitation_element(token: rx.Var[str], children: rx.Var[rx.Component]) -> rx.Component:
    """Wrap the card of an invitation in the element that loads and accepts it."""
    return _Invitation.create(children, custom_attrs={"token": token})


def time_of_day(moment: rx.Var[str]) -> rx.Var[str]:
    """Return a time as "14:05"."""
    return call_script("clock.js", "timeOfDay", moment)


def full_time(moment: rx.Var[str]) -> rx.Var[str]:
    """Return a time with its date."""
    return call_script("clock.js", "fullTime", moment)


def short_time(moment: rx.Var[str]) -> rx.Var[str]:
    """Return a time of today as "14:05", and an older one as "Yesterday", a weekday or a date."""
    return call_script("clock.js", "shortTime", moment, today())


def time_ahead(moment: rx.Var[str]) -> rx.Var[str]:
    """Return a time that is to come, with its day: "Tomorrow 9:00"."""
    return call_script("clock.js", "timeAhead", moment, today())


def today() -> rx.Var[int]:
    """Return the time of the last midnight; what uses it is drawn again at the next one."""
    return call_hook("clock.js", "useToday")


def new_day(before: rx.Var[str], moment: rx.Var[str]) -> rx.Var[str]:
    """Return the name of the day that begins between two times, or ""."""
    return call_script("clock.js", "newDay", before, moment, today())


def rich_text(text: rx.Var[str]) -> rx.Var[str]:
    """Return a message's text with its Markdown as elements."""
    return call_script("rich_text.js", "richText", text)


def attached_files(files: rx.Var[Any], client_id: rx.Var[str]) -> rx.Var[str]:
    """Return the files of a message as elements; `client_id` names one that waits."""
    return call_script("attachments.js", "attachedFiles", files, client_id)


def plain_text(text: rx.Var[str]) -> rx.Var[str]:
    """Return a message's text in one line, without the marks of its Markdown."""
    return call_script("markdown.js", "plainText", text)


def preview_line(before: rx.Var[str], excerpt: rx.Var[str]) -> rx.Var[str]:
    """Return the line that shows a message in a list, without the marks of its Markdown."""
    return call_script("markdown.js", "previewLine", before, excerpt)


def address_id() -> rx.Var[str]:
    """Return the conversation id in the address, before the server has answered."""
    return address_parameter("conversation_id")
