"""A private nginx with the configuration that operators get, in front of nodes of ours.

The file itself is used as it stands. Replaced is what no two of them could share on one machine:
the ports, and the folder of the log.
"""

import os
import pwd
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx
import psutil

from tests.harness import programs
from tests.harness.servers import LOOPBACK, ROOT, Server, free_port
from tests.harness.tls import trusted

SITE = ROOT / "deploy" / "nginx.conf"
NODE = "server {address} max_fails=1 fail_timeout=2s;\n"
WORKERS = 2
# The configuration around a site, with root's folders moved elsewhere.
MAIN = """\
daemon off;
user {user};
worker_processes {workers};
worker_shutdown_timeout 10m;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def serve(site: str, folder: Path) -> Server:
    """Start nginx with one site; all its files are in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.conf").write_text(site)
    user = pwd.getpwuid(os.geteuid()).pw_name
    main = MAIN.format(folder=folder, user=user, workers=WORKERS)
    (folder / "nginx.conf").write_text(main)
    options = ["-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Server([programs.nginx(), *options], log=folder / "nginx.log")


class Nginx:
    """nginx at `url`: over TLS with a certificate that `certificate` vouches for, or without.

    Its port is known before it starts, so that the nodes can get their public address.
    `changes` replaces words of the file, for a test that needs shorter times.
    """

    def __init__(
        self, folder: Path, *, tls: bool = True, changes: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}" if tls else f"http://{LOOPBACK}:{self.port}"
        self.certificate = folder / "chat" / "fullchain.pem"
        self._tls = tls
        self._changes = changes or {}
        self.server: Server | None = None
        self.certificate.parent.mkdir(parents=True)

    def start(self, nodes: Iterable[str]) -> None:
        """Start with these nodes (`host:port` each)."""
        if self._tls:
            self._certify()
        self._write_nodes(nodes)
        self.server = serve(self._moved(SITE.read_text()), self.folder)
        self.server.wait_until(self._answers)

    def set_nodes(self, nodes: Iterable[str]) -> None:
        """Change the list of nodes, and wait until the workers use it."""
        assert self.server is not None, "not started"
        master = psutil.Process(self.server.process.pid)
        before = {worker.pid for worker in master.children()}
        self._write_nodes(nodes)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_until(
            lambda: len({worker.pid for worker in master.children()} - before) == WORKERS
        )

    def is_running(self) -> bool:
        """Return whether nginx was started and has not ended."""
        return self.server is not None and self.server.process.poll() is None

    def requests(self) -> str:
        """Return the access log."""
        return (self.folder / "chat.log").read_text()

    def stop(self) -> None:
        """Stop nginx and close every connection, if it was started."""
        if self.server is not None:
            self.server.stop()

    def _write_nodes(self, nodes: Iterable[str]) -> None:
        lines = "".join(NODE.format(address=address) for address in nodes)
        (self.folder / "chat" / "nodes.conf").write_text(lines)

    def _moved(self, site: str) -> str:
        site = site.replace("/var/log/nginx", str(self.folder))
        site = re.sub(r"listen \[::\].*\n", "", site)
        site = site.replace("listen 80 ", f"listen {LOOPBACK}:{self.plain_port} ")
        site = site.replace("listen 443 ", f"listen {LOOPBACK}:{self.port} ")
        if not self._tls:
            site = site.replace("ssl http2 ", "")
            site = re.sub(r"ssl_.*\n", "", site)
        for old, new in self._changes.items():
            assert old in site
            site = site.replace(old, new)
        return site

    def _certify(self) -> None:
        names = "subjectAltName=DNS:localhost,DNS:*.localhost"
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-keyout", str(self.certificate.with_name("privkey.pem"))]
        files += ["-out", str(self.certificate)]
        subject = ["-subj", "/CN=localhost", "-addext", names, "-days", "2"]
        command = [str(programs.openssl()), "req", "-x509", *key, *subject, *files]
        subprocess.run(command, check=True, capture_output=True)

    def _answers(self) -> bool:
        try:
            httpx.get(f"http://{LOOPBACK}:{self.plain_port}/", timeout=5, verify=trusted())
        except httpx.TransportError:
            return False
        return True
