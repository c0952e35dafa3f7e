"""What the people search looks at, kept in step with people's names: here and nowhere else."""

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.core.text import fold
from chat_app.models import User

SEARCH_TEXT_LONGEST = 512


async def index_names(session: AsyncSession, account: User) -> None:
    """Have the search find a person by the names they have now; by none after they have left.

    The caller owns the transaction, to which the account belongs already.
    """
    del session
    gone = account.deleted_at is not None
    account.search_text = "" if gone else searchable(account.username, account.display_name)


def searchable(username: str, display_name: str) -> str:
    """Return both names folded, one a line."""
    return f"{fold(username)}\n{fold(display_name)}"[:SEARCH_TEXT_LONGEST]
