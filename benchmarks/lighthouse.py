"""Lighthouse against the production build: the page to sign in, and a chat.

It comes from npm's registry when this runs, and is no dependency of the chat.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import async_playwright

from benchmarks import stage
from benchmarks.figures import Figures
from benchmarks.filling import Thread, fill
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness import programs
from tests.harness.servers import free_port

LIGHTHOUSE = "lighthouse@13.5.0"
NPX = Path(sys.executable).parent / "npx"
# Every category, and the least score.
LEAST = {"performance": 90, "accessibility": 95, "best-practices": 95}
# The parts of the score for performance.
AUDITS = {
    "first-contentful-paint": "first contentful paint, ms",
    "largest-contentful-paint": "largest contentful paint, ms",
    "speed-index": "speed index, ms",
    "total-blocking-time": "blocked, ms",
    "cumulative-layout-shift": "layout shift",
}
MESSAGES = 100


class LighthouseFailed(RuntimeError):
    """Lighthouse did not come, or gave no report; the text is the end of what it said."""


async def measure(plan: Plan) -> list[Figures]:
    """Run *lighthouse*, as it is by default: a phone of the middle class on a slow line."""
    figures = Figures(
        "lighthouse",
        f"{LIGHTHOUSE}, its simulated phone (4 times slower than this machine, 1.6 Mbit/s,"
        f" 150 ms); production build, warm server; the chat has {MESSAGES} messages",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, 2)
            conversation = Thread(people[0], people[1], MESSAGES)
            await fill(node, [conversation])
        with chat.full_server() as server:
            pages: tuple[tuple[str, Person | None], ...] = (
                ("/login", None),
                (f"/chat/{conversation.id}", people[0]),
            )
            for path, person in pages:
                for _ in range(plan.runs):
                    report = await _report(server.url, path, person)
                    name = path.split("/")[1]
                    for category, least in LEAST.items():
                        score = 100 * float(report["categories"][category]["score"])
                        figures.add(f"/{name}, {category}", score, least=least)
                    for audit, what in AUDITS.items():
                        value = float(report["audits"][audit]["numericValue"])
                        figures.add(f"/{name}, {what}", value)
    return [figures]


async def _report(url: str, path: str, person: Person | None) -> Any:  # noqa: ANN401  # JSON
    """Return the report about a page, in a fresh profile where a person may be signed in."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="chat-lighthouse-") as folder:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                folder,
                executable_path=programs.chromium(),
                args=["--no-sandbox", f"--remote-debugging-port={port}"],
            )
            if person is not None:
                name, _, value = person.cookie.partition("=")
                cookie = {"name": name, "value": value, "url": url, "httpOnly": True}
                await context.add_cookies([cookie])  # type: ignore[list-item]  # its own type is that of a literal
            text = await _lighthouse(f"{url}{path}", port)
            await context.close()
    report = json.loads(text)
    shown = urlsplit(report["finalDisplayedUrl"]).path
    if shown != path:
        raise LighthouseFailed(f"{path} led to {shown}")
    return report


async def _lighthouse(url: str, port: int) -> str:
    """Run Lighthouse in the browser that listens at the port."""
    words = [
        url,
        f"--port={port}",
        "--quiet",
        "--output=json",
        f"--only-categories={','.join(LEAST)}",
        # The session stays; the profile is empty anyway.
        "--disable-storage-reset",
    ]
    process = await asyncio.create_subprocess_exec(
        NPX,
        "--yes",
        LIGHTHOUSE,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PATH": f"{NPX.parent}:{os.environ['PATH']}"},
    )
    out, said = await process.communicate()
    if process.returncode:
        raise LighthouseFailed(said.decode()[-2_000:])
    return out.decode()
