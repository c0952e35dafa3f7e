"""The API without the UI, served as in production, for the black-box tests.

Started as `python -m tests.harness.api_server PORT` with the chat's settings in the environment,
and with these, where a test needs them:

- TEST_CHEAP_HASHES: hash passwords at a hundredth of the cost, which would be most of the time.
- TEST_HEARTBEAT_S: miss a silent peer sooner than in production.
- TEST_CLOCK_AHEAD_S: set the machine's clock off by so much.
- TEST_WAVES_S: wait so long after each wave in which a stopping server closes its connections.
- TEST_TASKS_FAIL_WITHIN_S: let each lasting task throw after a random time of at most so much,
  again and again.
- TEST_DIE_WHEN: a file; once it is there, the process kills itself between a commit and its
  announcement.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from chat_app.api.app import create_api
from chat_app.core import clock
from chat_app.core.logs import configure_logs
from chat_app.core.metrics import Metrics
from chat_app.core.settings import SettingsError, read_settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.messages.log.writer import NO_FAILPOINTS
from chat_app.server import uvicorn
from chat_app.server.cors import allow_pages_origin
from chat_app.server.edge import AsgiApp, edge
from chat_app.server.uvicorn import serve
from tests.harness.cheap_hashes import use_cheap_hashes

# A process that has just started is ready before a task fails.
FIRST_FAILURE_S = 5.0


class DieOnce:
    """Failpoints that kill the process if the file is there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def committed(self) -> None:
        """Remove the file, so that the next process lives, and die."""
        if self._file.exists():
            self._file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def break_tasks(within_s: float) -> None:
    """Let each lasting task throw at the place where it waits, after a random time."""
    start = Supervisor.start

    def start_breaking(
        self: Supervisor, name: str, run: Callable[[], Awaitable[None]], *, is_vital: bool = True
    ) -> asyncio.Task[None]:
        async def breaking() -> None:
            try:
                async with asyncio.timeout(random.uniform(FIRST_FAILURE_S, within_s)):  # noqa: S311  # no secret
                    await run()
            except TimeoutError:
                raise RuntimeError(f"{name} is made to fail") from None

        return start(self, name, breaking, is_vital=is_vital)

    Supervisor.start = start_breaking  # type: ignore[method-assign]  # for this process


def main(port: int) -> None:
    """Serve until stopped."""
    try:
        settings = read_settings()
    except SettingsError as error:
        sys.exit(str(error))
    if os.environ.get("TEST_CHEAP_HASHES"):
        use_cheap_hashes()
    if ahead_s := os.environ.get("TEST_CLOCK_AHEAD_S"):
        clock.machine_now = lambda: datetime.now(UTC) + timedelta(seconds=float(ahead_s))
    if heartbeat_s := os.environ.get("TEST_HEARTBEAT_S"):
        uvicorn.HEARTBEAT_SECONDS = float(heartbeat_s)
    if waves_s := os.environ.get("TEST_WAVES_S"):
        uvicorn.BETWEEN_WAVES_SECONDS = float(waves_s)
    if within_s := os.environ.get("TEST_TASKS_FAIL_WITHIN_S"):
        break_tasks(float(within_s))
    configure_logs(settings.log_level, settings.log_format, settings.node_name)
    file = os.environ.get("TEST_DIE_WHEN")
    failpoints = DieOnce(Path(file)) if file else NO_FAILPOINTS
    metrics = Metrics()
    traces = Traces()
    api = cast("AsgiApp", create_api(settings, failpoints, metrics, traces))
    app = allow_pages_origin(edge(api, settings, metrics, traces), settings)
    serve(app, settings, host="127.0.0.1", port=port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
