"""Pages that apply patches as a browser does: the script of the page, run by Node."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from chat_app.accounts.schemas import Identity
from chat_app.realtime.events import AnyEvent
from chat_app.ui.conversations.view import ConversationsView
from chat_app.ui.friends.view import PeopleView
from chat_app.ui.groups.view import GroupView
from chat_app.ui.messages.view import TimelineView
from chat_app.ui.reflex.patches import EncodedPatch, Patch, encoded
from chat_app.ui.reflex.tab import Tab, View
from chat_app.ui.scheduled.view import ScheduledView
from tests.harness.servers import ROOT

NODE = Path(sys.executable).parent / "node"
QUIET = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"
SCRIPT = ROOT / "tests" / "browser_scripts" / "replay.js"

Lists = dict[str, dict[str, Any]]
AnyView = TypeVar("AnyView", bound=View)


class Pages:
    """Any number of pages in one process of Node."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._count = 0

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator["Pages"]:
        """Run the process while the block lasts."""
        command: list[str | Path] = [NODE, QUIET, SCRIPT]
        with subprocess.Popen(  # noqa: S603  # the Node of this environment, with our own arguments
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            yield cls(process)
            process.kill()

    def open(self, identity: Identity) -> "ReplicaTab":
        """Return a new page of a user."""
        self._count += 1
        return ReplicaTab(self, str(self._count), identity)

    def apply(self, page: str, patches: Sequence[object]) -> Lists:
        """Apply patches to a page, and return what its lists hold; it takes a moment."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"page": page, "patches": patches}) + "\n")
        return cast("Lists", json.loads(self._process.stdout.readline()))


class ReplicaTab:
    """A tab with its views, whose link leads to a page in Node."""

    def __init__(self, pages: Pages, name: str, identity: Identity) -> None:
        self.identity = identity
        self._pages = pages
        self._name = name
        self._sent: list[object] = []
        tab = cast("Tab", self)
        self.conversations = ConversationsView(tab)
        self.timeline = TimelineView(tab)
        self.people = PeopleView(tab)
        self.group = GroupView(tab)
        self.scheduled = ScheduledView(tab)

    def send(self, *patches: Patch) -> None:
        """Send patches, encoded as on the wire."""
        for patch in patches:
            self.send_encoded(encoded(patch))

    def send_encoded(self, patch: EncodedPatch) -> None:
        """Send a patch that was encoded for many tabs."""
        self._sent.append(json.loads(patch))

    async def apply_events(self, events: Sequence[AnyEvent]) -> None:
        """Apply events to all views."""
        await self.timeline.apply_events(events)
        await self.conversations.apply_events(events)
        await self.people.apply_events(events)
        await self.group.apply_events(events)
        await self.scheduled.apply_events(events)

    async def lists(self) -> Lists:
        """Return what the page shows, after it has asked for what it misses."""
        while True:
            sent, self._sent = self._sent, []
            lists = self._pages.apply(self._name, sent)
            here = lists.get(f"messages:{self.timeline.conversation_id}", {})
            missing = here.get("missing")
            if missing is None:
                return lists
            await self.timeline.send_page(missing["kind"], missing["seq"])
