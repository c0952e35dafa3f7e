"""Routes: the pages with their titles and handlers, and the views that are live."""

import reflex as rx

from chat_app.ui import accounts, shell
from chat_app.ui.admin import page as admin
from chat_app.ui.browser import address_id
from chat_app.ui.conversations.state import ConversationsState
from chat_app.ui.conversations.view import ConversationsView
from chat_app.ui.friends import state as friends
from chat_app.ui.friends.page import people_pane
from chat_app.ui.friends.state import FriendsState
from chat_app.ui.friends.view import PeopleView
from chat_app.ui.groups import channels_state as channels
from chat_app.ui.groups import invitation
from chat_app.ui.groups.channels import TITLE, channels_pane
from chat_app.ui.groups.channels_state import ChannelsState
from chat_app.ui.groups.channels_view import ChannelsView
from chat_app.ui.groups.state import GroupState
from chat_app.ui.groups.view import GroupView
from chat_app.ui.messages.pane import chat_pane, no_chat_pane
from chat_app.ui.messages.state import TimelineState
from chat_app.ui.messages.timeline import chat_row
from chat_app.ui.messages.view import TimelineView
from chat_app.ui.people.state import PeopleState
from chat_app.ui.people.view import FoundView
from chat_app.ui.pinned.state import PinnedState
from chat_app.ui.pinned.view import PinnedView
from chat_app.ui.reflex.elements import replace_wraps, say
from chat_app.ui.reflex.screens import Preload, PreloadedScreen
from chat_app.ui.reflex.tab import View
from chat_app.ui.reminders.state import RemindersState
from chat_app.ui.reminders.view import DueView
from chat_app.ui.saved import state as saved
from chat_app.ui.saved.page import saved_pane
from chat_app.ui.saved.state import SavedState
from chat_app.ui.saved.view import SavedView
from chat_app.ui.scheduled import state as scheduled
from chat_app.ui.scheduled.page import scheduled_pane
from chat_app.ui.scheduled.state import ScheduledState
from chat_app.ui.scheduled.view import ScheduledView
from chat_app.ui.search import state as search
from chat_app.ui.search.page import search_pane
from chat_app.ui.search.view import GoToView, HitsView
from chat_app.ui.settings import state as settings
from chat_app.ui.settings.page import settings_pane
from chat_app.ui.settings.state import SettingsState
from chat_app.ui.sharing import page as sharing

CHAT = "/chat/[conversation_id]"
PRELOADS: dict[str, list[type[PreloadedScreen]]] = {
    "/index": [ConversationsState, FriendsState, RemindersState],
    CHAT: [ConversationsState, TimelineState, FriendsState, RemindersState],
    friends.ROUTE: [ConversationsState, FriendsState, RemindersState],
    channels.ROUTE: [ConversationsState, ChannelsState, FriendsState, RemindersState],
    saved.ROUTE: [ConversationsState, SavedState, FriendsState, RemindersState],
    scheduled.ROUTE: [ConversationsState, ScheduledState, FriendsState, RemindersState],
    search.ROUTE: [ConversationsState, FriendsState, RemindersState],
    admin.ROUTE: [ConversationsState, FriendsState, RemindersState],
    sharing.ROUTE: [ConversationsState, FriendsState, RemindersState],
    settings.ROUTE: [ConversationsState, SettingsState, FriendsState, RemindersState],
}
LIVE_VIEWS: tuple[type[View], ...] = (
    TimelineView,
    ConversationsView,
    PeopleView,
    FoundView,
    GroupView,
    ChannelsView,
    PinnedView,
    SavedView,
    HitsView,
    GoToView,
    ScheduledView,
    DueView,
)


def add_pages(app: rx.App) -> None:
    """Add every page, the styles and the middleware that preloads pages to the app."""
    app.stylesheets.extend(shell.STYLESHEETS)
    app.head_components.extend(shell.head_components())
    # `connection_status` takes the place of Reflex's connection banner.
    replace_wraps(app, shell=shell.shell, error_page=shell.error_page)
    app.add_middleware(Preload(PRELOADS))
    load, timeline = ConversationsState.load, TimelineState
    fresh_search, requests = PeopleState.reset_search, FriendsState.count
    app.add_page(
        no_chat_pane,
        route="/",
        title=shell.page_title(),
        on_load=[load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        people_pane,
        route=friends.ROUTE,
        title=shell.page_title(say("People")),
        on_load=[FriendsState.load, load, timeline.close, fresh_search],
    )
    app.add_page(
        chat_pane,
        route=CHAT,
        title=shell.page_title(chat_row(address_id())["name"]),
        # The messages first: they are what the reader waits for.
        on_load=[
            timeline.open,
            load,
            fresh_search,
            requests,
            GroupState.arrive,
            PinnedState.arrive,
        ],
    )
    app.add_page(
        channels_pane,
        route=channels.ROUTE,
        title=shell.page_title(TITLE),
        on_load=[ChannelsState.load, load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        saved_pane,
        route=saved.ROUTE,
        title=shell.page_title(say("Saved")),
        on_load=[SavedState.load, load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        scheduled_pane,
        route=scheduled.ROUTE,
        title=shell.page_title(say("Scheduled")),
        on_load=[ScheduledState.load, load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        search_pane,
        route=search.ROUTE,
        title=shell.page_title(say("Search")),
        on_load=[load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        settings_pane,
        route=settings.ROUTE,
        title=shell.page_title(say("Settings")),
        on_load=[SettingsState.load, load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        admin.admin_pane,
        route=admin.ROUTE,
        title=shell.page_title(admin.TITLE),
        on_load=[load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        sharing.share_pane,
        route=sharing.ROUTE,
        title=shell.page_title(sharing.TITLE),
        on_load=[load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        accounts.login_page,
        route="/login",
        title=shell.titled(say("Sign in")),
        on_load=accounts.SignInState.redirect_signed_in,
    )
    app.add_page(
        accounts.register_page,
        route="/register",
        title=shell.titled(say("Create your account")),
        on_load=accounts.SignInState.redirect_signed_in,
    )
    app.add_page(
        accounts.reset_page,
        route=accounts.RESET_ROUTE,
        title=shell.titled(say("New password")),
    )
    app.add_page(
        invitation.invitation_page,
        route=invitation.ROUTE,
        title=shell.titled(say("Invitation")),
    )
    app.add_page(shell.not_found_page, route="404", title=shell.titled(say("Not found")))
