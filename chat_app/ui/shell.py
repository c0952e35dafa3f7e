"""The shell around every signed-in page: connection, news, side pane and dialogs."""

from typing import Literal, TypedDict

import reflex as rx

from chat_app.ui.browser import (
    auth_forms,
    connection_status,
    notice_element,
    notification_element,
    shortcuts_element,
)
from chat_app.ui.conversations.lists import conversation_facts, own_profile
from chat_app.ui.conversations.side import side_pane
from chat_app.ui.early_scripts import (
    hold_early_forms,
    reload_without_missing_files,
    take_shared_text,
)
from chat_app.ui.friends.person_dialog import person_dialog
from chat_app.ui.groups.adding import adding_dialog
from chat_app.ui.kit.controls import PANE
from chat_app.ui.kit.states import empty_state
from chat_app.ui.push_state import PushState
from chat_app.ui.reflex.elements import event_name, say, shown_place
from chat_app.ui.reflex.vars import cells
from chat_app.ui.reminders.notices import due_notices
from chat_app.ui.search.state import SearchState

PRODUCT = "Chat"
# The look: `chat.css` holds tokens and the style of every part, `icons.css` the icons. Light or
# dark is Reflex's colour mode, a class on the page's root that is there before the first paint.
# Nothing of it is decided in Python, so that a designer finds all of it in one place.
STYLESHEETS = ["/chat.css", "/icons.css"]


class Place(TypedDict):
    """The page in the shell and the open conversation; the name is "" without a shell."""

    name: Literal[
        "",
        "home",
        "chat",
        "people",
        "channels",
        "saved",
        "scheduled",
        "search",
        "settings",
        "admin",
        "share",
    ]
    id: str


# The build puts the catalogue of the page's language in its place.
LANGUAGE = "/language.js"
EARLY = ("/server.js", "/home.js")


def head_components() -> list[rx.Component]:
    """Return what stands in the head of every page."""
    return [
        rx.el.meta(
            name="viewport",
            # The on-screen keyboard shrinks the page, so that the composer stays above it.
            content="width=device-width, initial-scale=1, interactive-widget=resizes-content",
        ),
        rx.el.meta(name="color-scheme", content="light dark"),
        # Before a script can read the address.
        take_shared_text(),
        # The texts of the page, before all that says one.
        rx.el.script(src=LANGUAGE),
        # Before everything that it watches.
        reload_without_missing_files(),
        # They keep the page from being drawn: behind all the modules they would come last.
        *(rx.el.link(rel="preload", href=path, custom_attrs={"as": "script"}) for path in EARLY),
        # Before every other script: they read the server's address from it.
        *(rx.el.script(src=path) for path in EARLY),
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
        rx.el.link(rel="apple-touch-icon", href="/icons/apple-touch.png"),
        rx.el.link(rel="manifest", href="/manifest.webmanifest"),
        hold_early_forms(),
    ]


@rx.memo
def shell(children: rx.Var[rx.Component]) -> rx.Component:
    """Show a page beside the side pane, or alone if it is none of those for signed-in users.

    Nothing of the shell is made anew when another page is opened. Where only one of both panes
    fits, `data-view` says which.
    """
    place = cells(shown_place().to(Place))
    here = place["name"]
    return rx.cond(
        here == "",
        rx.fragment(children),
        rx.fragment(
            rx.el.A.create(
                rx.match(
                    here,
                    ("people", say("Skip to the people")),
                    ("channels", say("Skip to the channels")),
                    ("saved", say("Skip to the saved messages")),
                    ("scheduled", say("Skip to what is scheduled")),
                    ("search", say("Skip to the search")),
                    ("settings", say("Skip to the settings")),
                    ("admin", say("Skip to the administration")),
                    ("share", say("Skip to the shared text")),
                    say("Skip to the messages"),
                ),
                href=f"#{PANE}",
                class_name="skip",
            ),
            connection_status(),
            shortcuts_element(go_to_event=event_name(SearchState.go_to)),
            notification_element(
                open_id=place["id"],
                sound=own_profile()["sound"],
                visible_event=event_name(PushState.show),
            ),
            due_notices(),
            rx.el.main(
                rx.el.div(
                    # The other pages have a heading of their own.
                    rx.cond(here == "home", rx.el.h1(PRODUCT, class_name="visually-hidden"), None),
                    auth_forms(side_pane(open_id=place["id"], signs_out=here != "settings")),
                    class_name="side",
                ),
                children,
                class_name="shell",
                custom_attrs={"data-view": rx.cond(here == "home", "list", "chat")},
            ),
            # Behind the page: that is where Tab leads to its button.
            notice_element(),
            person_dialog(conversation_id=place["id"]),
            adding_dialog(),
        ),
    )


def not_found_page() -> rx.Component:
    """Show that there is no such page."""
    return rx.el.main(
        empty_state(
            "lost",
            say("There is no such page."),
            rx.el.A.create(say("To the conversations"), href="/", class_name="button plain"),
            heading=rx.el.h1(say("Not found")),
        ),
        class_name="gate",
    )


def error_page() -> rx.Component:
    """Show that a page could not be drawn; the reason is in the log."""
    return rx.el.main(
        empty_state(
            "lost",
            say("Something went wrong on this page. What you wrote is kept."),
            rx.el.A.create(say("Load it again"), href="", class_name="button primary"),
            heading=rx.el.h1(say("Sorry")),
        ),
        class_name="gate",
    )


def titled(name: rx.Var[str]) -> rx.Var[str]:
    """Return the title of a page for visitors."""
    return rx.Var.create(f"{name} · {PRODUCT}")


def page_title(name: str | rx.Var[str] = "") -> rx.Var[str]:
    """Return the title of a page, after the number of unread messages."""
    unread = conversation_facts()["unread_total"]
    return rx.Var.create(
        f"{rx.cond(unread > 0, f'({unread}) ', '')}{rx.cond(name != '', f'{name} · ', '')}{PRODUCT}"
    )
