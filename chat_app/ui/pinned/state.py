"""Handlers of the pinned messages; what they show is in their view."""

import reflex as rx

from chat_app.ui.groups.view import GroupView
from chat_app.ui.pinned.view import PinnedView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import parse_id_or_nil
from chat_app.ui.session import require_identity


class PinnedState(rx.State):
    """The events of the pinned messages."""

    @rx.event
    async def toggle(self, conversation_id: str) -> None:
        """Open the pinned messages of a conversation in place of other details, or close them."""
        await require_identity(self)
        tab = tab_of(self)
        here = parse_id_or_nil(conversation_id)
        async with tab.changing():
            view = tab.view(PinnedView)
            if view.conversation_id == here:
                view.close()
                return
            if tab.view(GroupView).group_id is not None:
                tab.view(GroupView).close()
            await view.open(here)

    @rx.event
    async def follow(self, conversation_id: str) -> None:
        """Send the pinned messages to a page that shows them, after its link was broken."""
        await require_identity(self)
        tab = tab_of(self)
        here = parse_id_or_nil(conversation_id)
        async with tab.changing():
            if tab.view(PinnedView).conversation_id != here:
                await tab.view(PinnedView).open(here)

    @rx.event
    async def arrive(self) -> None:
        """Close the pinned messages of another conversation, which was left."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            view = tab.view(PinnedView)
            if view.conversation_id is not None and not self._is_at(str(view.conversation_id)):
                view.close()

    @rx.event
    async def close(self) -> None:
        """Close the pinned messages."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            tab.view(PinnedView).close()

    def _is_at(self, conversation_id: str) -> bool:
        return self.router.url.path.rstrip("/").endswith(conversation_id)
