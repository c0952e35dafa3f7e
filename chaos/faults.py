"""Faults of the chat itself: kill and freeze nodes, take Redis away, hold commits up."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from chaos.plan import Plan
from chaos.proxy import Network
from chaos.stage import Restart, Stage

HALF_OPEN_EVERY_S = 15.0


@dataclass
class Faults:
    """The faults of a plan, applied to a stage, and the restarts that followed."""

    stage: Stage
    network: Network
    plan: Plan
    restarts: list[Restart] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def happening(self) -> AsyncIterator[None]:
        """Run the faults of the plan inside; at the end all of them are over and mended."""
        self.network.weather = self.plan.weather
        tasks = []
        if self.plan.kill_every_s:
            tasks.append(asyncio.create_task(self._kill()))
        if self.plan.redis_off_s:
            tasks.append(asyncio.create_task(self._take_redis_away()))
        if self.plan.freeze_s:
            tasks.append(asyncio.create_task(self._freeze()))
        if self.plan.slow_commits_s:
            tasks.append(asyncio.create_task(self._hold_commits()))
        if self.plan.half_open:
            tasks.append(asyncio.create_task(self._swallow()))
        try:
            yield
        finally:
            self.network.weather = type(self.plan.weather)()
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _kill(self) -> None:
        dice, every_s = self.network.dice, self.plan.kill_every_s
        while True:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * every_s)
            number = dice.randrange(len(self.stage.chats))
            self.network.did["kill -9"] += 1
            await to_the_end(partial(self._restart, number))

    def _restart(self, number: int) -> None:
        self.restarts.append(self.stage.kill(number))

    async def _take_redis_away(self) -> None:
        redis = self.stage.redis
        if redis is None:
            return
        off_s = self.plan.redis_off_s
        await asyncio.sleep(max(0.0, (self.plan.seconds - off_s) / 2))
        is_frozen = self.network.dice.random() < 0.5  # noqa: PLR2004  # as often as the other way
        self.network.did["Redis frozen" if is_frozen else "Redis stopped, and back empty"] += 1
        await to_the_end(redis.freeze if is_frozen else redis.stop)
        try:
            await asyncio.sleep(off_s)
        finally:
            await to_the_end(redis.thaw if is_frozen else redis.start)

    async def _freeze(self) -> None:
        await self._some_time_before(self.plan.freeze_s)
        chat = self.network.dice.choice(self.stage.chats)
        process = chat.server.process
        self.network.did["node frozen"] += 1
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.plan.freeze_s)
        finally:
            # Unless it was killed meanwhile.
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)

    async def _hold_commits(self) -> None:
        await self._some_time_before(self.plan.slow_commits_s)
        self.network.did["commits held up"] += 1
        async with self.stage.commits_held_up():
            await asyncio.sleep(self.plan.slow_commits_s)

    async def _swallow(self) -> None:
        if self.stage.to_redis is None:
            return
        while True:
            await asyncio.sleep(self.network.dice.uniform(0.5, 1.5) * HALF_OPEN_EVERY_S)
            self.network.did["links to Redis half open"] += 1
            self.stage.to_redis.swallow()

    async def _some_time_before(self, lasting_s: float) -> None:
        await asyncio.sleep(self.network.dice.uniform(0, max(0.0, self.plan.seconds - lasting_s)))


async def to_the_end(work: Callable[[], None]) -> None:
    """Run `work` in a thread; when we are cancelled meanwhile, wait for its end first."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
