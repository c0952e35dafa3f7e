"""One run: start a chat, let people talk while it breaks, let it settle, judge."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass

from chaos import stage
from chaos.faults import Faults
from chaos.ledger import Findings, Ledger, Stored, judge
from chaos.people import DEVICES, Club, Device, Talk, devices, dice_of
from chaos.plan import Plan
from chaos.proxy import Network
from tests.harness.half_open import HalfOpenProxy

LOOK_S = 0.2
MORE_S = 1.0


@dataclass(frozen=True)
class Outcome:
    """The findings of a run, with everything they were found in."""

    findings: Findings
    did: Counter[str]
    starts_s: list[float]  # of processor time, for the first start of each node
    restarts: list[stage.Restart]
    settled_after_s: float | None  # None when it did not in time
    ledger: Ledger
    stored: Stored

    @property
    def is_whole(self) -> bool:
        """Return whether every promise held."""
        return self.findings.is_whole and self.settled_after_s is not None


async def run(plan: Plan) -> Outcome:
    """Run a plan. Raises ServerFailed when the chat does not come back."""
    async with contextlib.AsyncExitStack() as stack:
        settings, redis = stack.enter_context(stage.storage(plan.pair))
        users, room = await stage.seed(settings, plan.users)
        club_id = await stage.add_club(settings, users)
        to_redis = None
        if redis is not None:
            to_redis = await stack.enter_async_context(HalfOpenProxy.to(redis.port))
        chat = stack.enter_context(stage.running(plan, settings, redis, to_redis))
        network = Network(chat.ports, dice_of(plan.seed))
        ledger = Ledger(
            {f"{name}/{device}": user for name, user in users.items() for device in DEVICES}
        )
        faults = Faults(chat, network, plan)
        async with devices(users, network, ledger) as everybody:
            settled = await _talk(plan, faults, everybody, (room, club_id), ledger)
        stored = await chat.stored()
        return Outcome(
            findings=judge(ledger, stored, plan.leak_s),
            did=network.did,
            starts_s=chat.starts_s,
            restarts=faults.restarts,
            settled_after_s=settled,
            ledger=ledger,
            stored=stored,
        )


async def _talk(
    plan: Plan, faults: Faults, everybody: list[Device], groups: tuple[str, str], ledger: Ledger
) -> float | None:
    """Let people talk during the faults; return the time until everything was delivered."""
    room, club_id = groups
    club = Club(everybody, club_id, faults.network)
    talk = Talk(everybody, room, club, ledger, faults.network)
    try:
        async with faults.happening(), club.changing(plan.moves_s):
            await talk.talk(plan.rate, plan.seconds)
            while len(faults.restarts) < plan.kills:
                await talk.talk(plan.rate, MORE_S)
        loop = asyncio.get_running_loop()
        over = loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.settle_s):
                await club.add_all()
                await talk.answered()
                due = (await faults.stage.stored()).due()
                while not ledger.has_received(due):  # noqa: ASYNC110  # the devices only receive
                    await asyncio.sleep(LOOK_S)
                return loop.time() - over
        return None
    finally:
        await talk.hush()
