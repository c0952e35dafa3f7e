"""Handlers of the open conversation; what it shows is in its view."""

from typing import cast, get_args

import reflex as rx

from chat_app.accounts.schemas import Identity
from chat_app.conversations.groups.schemas import MembershipRequest
from chat_app.core.errors import AppError
from chat_app.ui.current_node import current_node
from chat_app.ui.messages.view import PageKind, TimelineView
from chat_app.ui.reflex.live import tab_of
from chat_app.ui.reflex.vars import parse_id_or_nil, set_changed
from chat_app.ui.session import require_identity

CHAT_PATH = "/chat/"
MAX_SEQ = 2**63 - 2
# The kind of page that is a whole conversation.
OPEN = "open"
OWN_PARTS = ("muted", "favourite", "archived")


class TimelineState(rx.State):
    """The events of the open conversation."""

    # Why the reader's own part in the open conversation could not be changed.
    own_part_failed: str = ""

    # Opened by `_preload`: the page's own handler need not open it again.
    _preloaded: str = ""

    @rx.event
    async def open(self) -> None:
        """Send the conversation that the address names, and follow it."""
        await require_identity(self)
        wanted = _address_id(self.router.url.path)
        is_open, self._preloaded = self._preloaded == wanted, ""
        if not is_open:
            await self._open(wanted)

    @rx.event
    async def close(self) -> None:
        """Follow no conversation."""
        await require_identity(self)
        tab = tab_of(self)
        async with tab.changing():
            tab.view(TimelineView).close()

    @rx.event
    async def send_page(self, conversation_id: str, kind: str, seq: int) -> None:
        """Send a page of the conversation that the page shows; open it first, if it is not."""
        await require_identity(self)
        tab = tab_of(self)
        here = parse_id_or_nil(conversation_id)
        if kind not in {OPEN, *get_args(PageKind)} or not _is_seq(seq):
            return
        view = tab.view(TimelineView)
        async with tab.changing():
            # A page that lacks the conversation gets all of it, whatever it was sent before.
            if kind == OPEN or view.conversation_id != here:
                await view.open(here, str(conversation_id))
            else:
                await view.send_page(cast("PageKind", kind), seq)

    @rx.event
    async def write(self) -> None:
        """Publish to the open conversation that the user types."""
        me = await require_identity(self)
        conversation_id = tab_of(self).view(TimelineView).conversation_id
        if conversation_id is None:
            return
        try:
            await current_node().presence.typing(
                actor_id=me.user_id, conversation_id=conversation_id
            )
        except AppError:
            # The next letter publishes it again.
            return

    @rx.event
    async def set_own_part(self, name: str, on: bool) -> None:  # noqa: FBT001  # the state wanted
        """Mute, favour or archive the open conversation for the user, or not any more."""
        me = await require_identity(self)
        conversation_id = tab_of(self).view(TimelineView).conversation_id
        set_changed(self, own_part_failed="")
        if conversation_id is None or name not in OWN_PARTS:
            return
        value: object = "forever" if on is True else None
        given = {"muted_until": value} if name == "muted" else {name: on is True}
        try:
            await current_node().groups.change_membership(
                actor_id=me.user_id,
                conversation_id=conversation_id,
                data=MembershipRequest.model_validate(given),
            )
        except AppError as error:
            self.own_part_failed = error.detail

    async def _open(self, wanted: str) -> None:
        tab = tab_of(self)
        async with tab.changing():
            await tab.view(TimelineView).open(parse_id_or_nil(wanted), wanted)

    async def _preload(self, _me: Identity) -> None:
        self._preloaded = _address_id(self.router.url.path)
        await self._open(self._preloaded)


def _is_seq(value: object) -> bool:
    """Return whether a value from the wire may be a `seq`."""
    return isinstance(value, int) and 0 <= value < MAX_SEQ


def _address_id(path: str) -> str:
    return path.removeprefix(CHAT_PATH).rstrip("/")
