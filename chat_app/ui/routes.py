"""The pages by their addresses, and the screens that follow the news."""

import reflex as rx
from reflex_components_core.base.error_boundary import (  # type: ignore[import-untyped]  # ships no types
    error_boundary,
)

from chat_app.ui import shell, theme
from chat_app.ui.accounts import pages
from chat_app.ui.accounts.state import GateState
from chat_app.ui.browser.scripts import begin_at_the_end, hold_early_forms
from chat_app.ui.conversations import state as conversations
from chat_app.ui.friends import state as friends
from chat_app.ui.friends.page import PEOPLE
from chat_app.ui.messages import state as messages
from chat_app.ui.people import state as people
from chat_app.ui.presence import state as presence
from chat_app.ui.reflex.preload import Preload
from chat_app.ui.settings import state as settings

CHAT = "/chat/[conversation_id]"
PRELOADS = {
    "/index": [conversations.preload, friends.preload_count],
    CHAT: [conversations.preload, messages.preload, friends.preload_count],
    PEOPLE: [conversations.preload, friends.preload],
    settings.ROUTE: [conversations.preload, settings.preload, friends.preload_count],
}
# Who is writing after the messages: it looks at the conversation as they left it.
LIVE_SCREENS = (
    conversations.LIVE,
    messages.LIVE,
    people.LIVE,
    friends.LIVE,
    settings.LIVE,
    presence.LIVE,
)

# Places of Reflex's own components around every page.
OVERLAY = (5, "Overlay")
BOUNDARY = (55, "ErrorBoundary")


def add_pages(app: rx.App) -> None:
    """Give the app its pages and its look."""
    app.stylesheets.extend(theme.STYLESHEETS)
    app.head_components.extend([*theme.head_components(), begin_at_the_end(), hold_early_forms()])
    # Reflex's own connection banner: ours says it in the words of the contract.
    app.app_wraps.pop(OVERLAY, None)
    app.app_wraps[BOUNDARY] = lambda _: error_boundary(fallback_render=shell.broken_page())
    app.add_middleware(Preload(PRELOADS))
    load = conversations.ConversationsState.load
    timeline = messages.TimelineState
    fresh_search = people.PeopleState.reset_search
    requests = friends.FriendsState.count
    app.add_page(
        shell.home_page,
        route="/",
        title=shell.page_title(),
        on_load=[load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        shell.people_page,
        route=PEOPLE,
        title=shell.page_title("People"),
        on_load=[friends.FriendsState.load, load, timeline.close, fresh_search],
    )
    app.add_page(
        shell.chat_page,
        route=CHAT,
        title=shell.page_title(timeline.head["name"]),
        # The messages first: they are what the reader waits for.
        on_load=[timeline.open, load, fresh_search, requests],
    )
    app.add_page(
        shell.settings_page,
        route=settings.ROUTE,
        title=shell.page_title("Settings"),
        on_load=[settings.SettingsState.load, load, timeline.close, fresh_search, requests],
    )
    app.add_page(
        pages.login_page,
        route="/login",
        title=f"Sign in · {shell.PRODUCT}",
        on_load=GateState.pass_through,
    )
    app.add_page(
        pages.register_page,
        route="/register",
        title=f"Create your account · {shell.PRODUCT}",
        on_load=GateState.pass_through,
    )
    app.add_page(shell.lost_page, route="404", title=f"Not found · {shell.PRODUCT}")
