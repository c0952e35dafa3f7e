"""What somebody who comes brings along: an account that the search finds by its names."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.accounts.errors import UsernameTaken
from chat_app.accounts.names import index_names
from chat_app.accounts.rules import username_key
from chat_app.accounts.schemas import Registration
from chat_app.models import User


async def add_account(session: AsyncSession, data: Registration, password_hash: str) -> User:
    """Add an account in the caller's transaction. Raises UsernameTaken."""
    account = User(
        username=data.username,
        username_key=username_key(data.username),
        display_name=data.display_name or data.username,
        password_hash=password_hash,
    )
    session.add(account)
    try:
        await index_names(session, account)
    except IntegrityError:
        raise UsernameTaken from None
    return account
