"""Fill an empty database with people and their messages: `make demo`."""

import asyncio
import sys

from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.core.settings import Settings, SettingsError, read_settings
from chat_app.demo.fill import PASSWORD, NotEmpty, fill
from chat_app.demo.people import FIRST, NEIGHBOURS, SECOND


def main() -> None:
    """Fill the database of the settings and print who can sign in; exit with 1 when refused."""
    try:
        settings = read_settings()
    except SettingsError as error:
        sys.exit(f"The settings are wrong. {error}")
    if settings.is_https:
        # The password of these people is public.
        sys.exit("The demo is for your own machine: CHAT_PUBLIC_URL is https. Nothing was written.")
    try:
        asyncio.run(_fill(settings))
    except NotEmpty:
        sys.exit(
            "There are people in this database already. Nothing was written.\n"
            "Try an empty one: set CHAT_DATA_DIR=./demo-data for both `make demo` and `make run`."
        )
    except Unavailable as error:
        sys.exit(f"The database cannot be used: {error.__cause__}. Nothing was written.")
    print(report(settings))


async def _fill(settings: Settings) -> None:
    database = Database(settings)
    try:
        await fill(database)
    finally:
        await database.close()


def report(settings: Settings) -> str:
    """Return the text that lists the accounts and the address."""
    people = "\n".join(
        f"  {one.username:<10}{PASSWORD:<14}{one.display_name}" for one in NEIGHBOURS
    )
    return (
        f"{len(NEIGHBOURS)} people live here now. Everybody's password is {PASSWORD}:\n\n"
        f"  username  password      name\n{people}\n\n"
        f"Start the chat with `make run`, open {settings.public_url} and sign in as {FIRST}.\n"
        f"To see both sides, sign in as {SECOND} in a private window or another browser."
    )


if __name__ == "__main__":
    main()
