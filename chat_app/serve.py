"""Serve a front end that is built already: `python -m chat_app.serve --port 3000`.

Containers and systemd start this. It needs no Node and writes nowhere but into `CHAT_DATA_DIR`;
`reflex run --env prod` serves the same, and builds first where that is needed.
"""

import argparse

from chat_app.ui.reflex.production import serve_existing_build


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m chat_app.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=3000, help="the port to listen on")
    options = parser.parse_args()
    serve_existing_build(host=options.host, port=options.port)


if __name__ == "__main__":
    main()
