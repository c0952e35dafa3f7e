"""Serving in production: Reflex's own commands, with our uvicorn as the server."""

import sys

from reflex.utils import exec as reflex_exec
from reflex.utils import prerequisites
from reflex_base import constants
from reflex_base.config import get_config
from reflex_base.environment import environment

from chat_app.core.settings import Settings, read_settings
from chat_app.server.uvicorn import serve
from chat_app.ui.reflex import build


def serve_with_uvicorn(settings: Settings) -> None:
    """Replace the server of `reflex run --env prod` by uvicorn.

    Reflex offers granian and gunicorn only. `tests/ui/reflex/test_build.py`
    fails when the function replaced here no longer exists.
    """

    def run_backend_prod(host: str, port: int, *_: object, **__: object) -> None:
        environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.set(True)
        # Reflex has imported the module already, to see whether to compile.
        app = prerequisites.get_app().app()
        serve(app, settings, host=host, port=port)

    reflex_exec.run_backend_prod = run_backend_prod


def serve_existing_build(*, host: str, port: int) -> None:
    """Serve the existing build of the front end; exit with a message if it does not fit the code.

    It needs neither Node nor a writable folder other than the data folder. Reflex's own command
    checks for both, so it is not used.
    """
    environment.REFLEX_ENV_MODE.set(constants.Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.set(True)
    config = get_config()
    if not build.front_end_is_current():
        sys.exit("There is no front end built from this code here; run `make build` first.")
    config._set_persistent(frontend_port=port, backend_port=port)
    app = prerequisites.get_app().app()
    serve(app, read_settings(), host=host, port=port)
