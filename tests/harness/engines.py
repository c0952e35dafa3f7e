"""Drivers of Firefox and WebKit, by the protocols that both browsers have built in.

Firefox speaks WebDriver BiDi itself; WebKit comes with a WebDriver. Both take the same actions of
keys and pointers.
"""

import contextlib
import itertools
import json
import os
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.harness import programs
from tests.harness.servers import LOOPBACK, Server, free_port

WINDOW = (1280, 800)
PATIENCE_S = 120
# Takes the arguments as JSON and returns JSON: the protocols have other forms of values.
_CALL = "async (text) => JSON.stringify((await (%s)(...JSON.parse(text))) ?? null)"


class Engine(ABC):
    """One browser with one window, in an empty profile."""

    @abstractmethod
    def __init__(self, folder: Path) -> None:
        """Start the browser; its profile and logs are in `folder`."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Open an address and wait until it is loaded."""

    @abstractmethod
    def perform(self, source: dict[str, Any]) -> None:
        """Perform the actions of a keyboard or a pointer, as WebDriver defines them."""

    @abstractmethod
    def close(self) -> None:
        """End the browser."""

    @abstractmethod
    def _evaluate(self, function: str, argument: str) -> str:
        """Call a function that returns a promise of a text, and return the text."""

    def call(self, function: str, *arguments: object) -> Any:  # noqa: ANN401  # any JSON
        """Call a JavaScript function in the page and return its result, awaited."""
        return json.loads(self._evaluate(_CALL % function, json.dumps(arguments)))

    def press(self, keys: str) -> None:
        """Press and release keys one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.perform({"type": "key", "id": "keyboard", "actions": actions})

    def press_together(self, *keys: str) -> None:
        """Press keys one after the other, and release them all at the end."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.perform({"type": "key", "id": "keyboard", "actions": actions})

    def move(self, x: float, y: float) -> None:
        """Move the mouse to a place in the window."""
        self._use_mouse(x, y)

    def click(self, x: float, y: float) -> None:
        """Click at a place in the window."""
        self._use_mouse(x, y, "pointerDown", "pointerUp")

    def _use_mouse(self, x: float, y: float, *then: str) -> None:
        actions: list[dict[str, object]] = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0},
            *({"type": kind, "button": 0} for kind in then),
        ]
        mouse = {"pointerType": "mouse"}
        self.perform({"type": "pointer", "id": "mouse", "parameters": mouse, "actions": actions})


class Firefox(Engine):
    """Firefox, driven over WebDriver BiDi."""

    PREFERENCES = 'user_pref("network.proxy.type", 0);\n'
    LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

    def __init__(self, folder: Path) -> None:
        profile = folder / "profile"
        profile.mkdir()
        (profile / "user.js").write_text(self.PREFERENCES)
        command: list[str | Path] = [programs.firefox(), "--headless", "--no-remote"]
        command += [f"--width={WINDOW[0]}", f"--height={WINDOW[1]}", "--profile", profile]
        environment = {**os.environ, "HOME": str(folder)}
        self._server = Server(
            [*command, "--remote-debugging-port=0"],
            log=folder / "firefox.log",
            environment=environment,
        )
        self._numbers = itertools.count(1)
        listens = _found(self.LISTENS, self._server)
        self._stack = contextlib.ExitStack()
        address = f"{listens}/session"
        self._socket: ClientConnection = self._stack.enter_context(
            connect(address, max_size=None, proxy=None, open_timeout=PATIENCE_S)
        )
        self._send("session.new", capabilities={})
        # Pages cannot be opened in the tab that it begins with.
        self._context = self._send("browsingContext.create", type="tab")["context"]

    def open(self, url: str) -> None:
        self._send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def perform(self, source: dict[str, Any]) -> None:
        self._send("input.performActions", context=self._context, actions=[source])

    def set_offline(self, *, is_offline: bool) -> None:
        """Take the network from the window, or give it back; WebKit's driver cannot."""
        conditions = {"type": "offline"} if is_offline else None
        self._send(
            "emulation.setNetworkConditions",
            contexts=[self._context],
            networkConditions=conditions,
        )

    def close(self) -> None:
        self._stack.close()
        self._server.stop()

    def _evaluate(self, function: str, argument: str) -> str:
        answer = self._send(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": argument}],
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return str(answer["result"]["value"])

    def _send(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                result: dict[str, Any] = answer["result"]
                return result


class WebKit(Engine):
    """WebKit's small browser on a screen of its own, driven over WebDriver."""

    DISPLAY = re.compile(r"^(\d+)\n", re.MULTILINE)

    def __init__(self, folder: Path) -> None:
        size = f"{WINDOW[0]}x{WINDOW[1]}x24"
        self._screen = Server(
            [programs.xvfb(), "-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp"],
            log=folder / "screen.log",
        )
        display = _found(self.DISPLAY, self._screen)
        port = free_port()
        address = f"http://{LOOPBACK}:{port}"
        environment = {**os.environ, "DISPLAY": f":{display}", "HOME": str(folder)}
        self._driver = Server(
            [programs.webkit_driver(), f"--port={port}", f"--host={LOOPBACK}"],
            log=folder / "webkit.log",
            environment=environment,
        )
        self._http = httpx.Client(base_url=address, timeout=PATIENCE_S, trust_env=False)
        self._driver.wait_until(self._listens)
        options = {"binary": str(programs.mini_browser()), "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        self._session = ""
        session = self._send("POST", "/session", capabilities=wanted)
        self._session = f"/session/{session['sessionId']}"
        self._send("POST", "/timeouts", script=PATIENCE_S * 1000, pageLoad=PATIENCE_S * 1000)

    def open(self, url: str) -> None:
        self._send("POST", "/url", url=url)

    def perform(self, source: dict[str, Any]) -> None:
        self._send("POST", "/actions", actions=[source])

    def close(self) -> None:
        self._send("DELETE", "")
        self._http.close()
        self._driver.stop()
        self._screen.stop()

    def _evaluate(self, function: str, argument: str) -> str:
        script = f"""const [argument, done] = arguments;
            ({function})(argument).then(
              (value) => done({{ value }}),
              (error) => done({{ error: `${{error}}` }}),
            );"""
        answer = self._send("POST", "/execute/async", script=script, args=[argument])
        assert "error" not in answer, answer
        return str(answer["value"])

    def _send(self, method: str, path: str, **body: object) -> Any:  # noqa: ANN401  # any JSON
        sent = None if method == "DELETE" else body
        reply = self._http.request(method, f"{self._session}{path}", json=sent)
        assert reply.is_success, reply.text
        return reply.json()["value"]

    def _listens(self) -> bool:
        try:
            return self._http.get("/status").is_success
        except httpx.TransportError:
            return False


def _found(pattern: re.Pattern[str], server: Server) -> str:
    """Wait until a server's log matches, and return what it names."""
    server.wait_until(lambda: bool(pattern.search(server.text())))
    return str(pattern.findall(server.text())[0])


ENGINES: dict[str, type[Engine]] = {"firefox": Firefox, "webkit": WebKit}
