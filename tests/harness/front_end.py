"""The whole chat, screens included, served from a front end that is built once per checkout.

`python -m tests.harness.front_end` builds the front end where the one that is there is not current,
and with a PORT serves it as `python -m chat_app.serve` does. Processes that start at the same time
wait for the one that builds. TEST_CHEAP_HASHES hashes passwords at a hundredth of the cost,
TEST_HEARTBEAT_S notices a silent peer later than in production. TEST_HOST is where it listens.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from reflex_base import constants
from reflex_base.environment import environment

from chat_app.server import uvicorn
from chat_app.ui.reflex.build import front_end_is_current
from chat_app.ui.reflex.production import serve_existing_build
from tests.harness.cheap_hashes import use_cheap_hashes
from tests.harness.servers import LOOPBACK, ROOT

REFLEX = Path(sys.executable).parent / "reflex"


@contextlib.contextmanager
def locked_checkout() -> Iterator[None]:
    """Lock this checkout against other test processes that build."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def build_front_end() -> None:
    """Build the front end, unless the build that is there was made from the present sources."""
    environment.REFLEX_ENV_MODE.set(constants.Env.PROD)
    with locked_checkout():
        if not front_end_is_current():
            command = [str(REFLEX), "export", "--frontend-only", "--no-zip"]
            subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603  # Reflex's own, with fixed arguments


def main(*ports: str) -> None:
    """Build, then serve at the port, if there is one."""
    if os.environ.get("TEST_CHEAP_HASHES"):
        use_cheap_hashes()
    if heartbeat_s := os.environ.get("TEST_HEARTBEAT_S"):
        uvicorn.HEARTBEAT_SECONDS = float(heartbeat_s)
    build_front_end()
    for port in ports:
        serve_existing_build(host=os.environ.get("TEST_HOST", LOOPBACK), port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
