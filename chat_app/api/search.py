"""`/api/search`: finding messages."""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.params import Parameter

from chat_app.accounts.schemas import Identity
from chat_app.api.conversations import Limit
from chat_app.api.dependencies import signed_in
from chat_app.api.large_replies import large_reply
from chat_app.conversations.errors import BadCursor
from chat_app.core.errors import RateLimited
from chat_app.node.node import Node
from chat_app.search.criteria import MAX_QUERY_LENGTH
from chat_app.search.schemas import SearchPage

ABOUT = """\
Words, all of which a message must have: three letters or more (two of Hangul) are the beginning \
of a word; letters of Chinese, Japanese, Thai, Lao, Khmer and Burmese stand next to each other. \
Case and accents make no difference. `"a phrase"` in this order, `-not`, `from:name` (a username, \
or words of a name), `in:title` (of a group, or the other one's name), `has:link`, `has:file`, \
`has:image`, `before:2026-11-28` and `after:2026-11-28` (UTC, without that day). Names of several \
words are in quotes. Anything else is a word.
"""
Query = Annotated[
    str,
    Parameter(
        min_length=1,
        max_length=MAX_QUERY_LENGTH,
        # The search itself checks the pattern.
        schema_extra={"pattern": r"\S"},
        description=ABOUT,
    ),
]
Cursor = Annotated[
    str | None,
    Parameter(pattern="^[0-9]{1,18}$", description="The `next_before` of the page before."),
]


class SearchController(Controller):
    """The search of messages."""

    path = "/api/search"
    guards = (signed_in,)
    tags = ("Messages",)

    @get("/", errors=[BadCursor, RateLimited])
    async def search(
        self, me: Identity, node: Node, q: Query, before: Cursor = None, limit: Limit = 50
    ) -> Response[SearchPage]:
        """Return messages that the signed-in user may read and that fit `q`, newest first."""
        page = await node.search.find(viewer_id=me.user_id, text=q, before=before, limit=limit)
        return await large_reply(page)
