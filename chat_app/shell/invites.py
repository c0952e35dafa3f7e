"""The command `invite`."""

from typing import Annotated

import typer

from chat_app.admin import operator
from chat_app.conversations.invites.schemas import MAX_LIFETIME_S, InviteRequest, NewInvite
from chat_app.core.own_origins import linked_origin
from chat_app.core.settings import Settings
from chat_app.shell.running import migrated_database, run

DAY_S = 86_400


def invite(
    days: Annotated[
        int, typer.Option(min=1, max=MAX_LIFETIME_S // DAY_S, help="How long it is good.")
    ] = 7,
    uses: Annotated[int, typer.Option(min=1, max=5_000, help="How many may use it.")] = 1,
) -> None:
    """Print a link by which somebody may register, also where registration is by invitation."""
    data = InviteRequest(expires_in=days * DAY_S, max_uses=uses)

    async def make(settings: Settings) -> NewInvite:
        async with migrated_database(settings) as database:
            return await operator.invite(database, data, origin=linked_origin(settings))

    typer.echo(run(make).url)
