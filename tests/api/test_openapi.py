"""The OpenAPI document: complete, and true of a running chat."""

import os
import re
import subprocess
import sys

import httpx
import pytest

from tests.harness.cases import case
from tests.harness.chats import Farm
from tests.harness.clients import as_json, http_client
from tests.harness.documented import document
from tests.harness.servers import ROOT, ChatServer

CONFIGURATION = ROOT / "tests" / "harness" / "schemathesis.toml"
SOME_ID = "01930000-0000-7000-8000-000000000000"
# A sixth of all: random requests and chains of calls, not every border of every field.
FEW = pytest.param(["--phases", "fuzzing,stateful", "--max-examples", "2"], id="few")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.one_process  # reads the metrics of the process
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "amount", [FEW, pytest.param([], id="all", marks=pytest.mark.only_in_test_all)]
)
def test_a_running_chat_agrees_with_the_document(farm: Farm, amount: list[str]) -> None:
    """Send valid and invalid requests to every call, the same in every run."""
    chat = farm.shared_chat("sqlite+memory")
    run = subprocess.run(  # noqa: S603  # our own arguments
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
            *("run", f"{chat.url}/api/openapi.json", "--no-color", *amount),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CHAT_URL": chat.url},
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert set(calls()) - _succeeded(chat) == set()


async def test_the_served_document_is_that_of_the_handlers(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        served = as_json(await client.get("/api/openapi.json"))

    assert served == document()


def test_no_two_addresses_differ_only_in_the_name_of_an_id() -> None:
    """OpenAPI takes such addresses for the same one, and forbids it."""
    templates = [re.sub(r"{\w+}", "{}", path) for path in document()["paths"]]

    assert len(set(templates)) == len(templates)


async def test_allow_names_the_methods_of_the_address(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        for path, operations in document()["paths"].items():
            documented = {method.upper() for method in operations}
            allowed = documented | {"OPTIONS"} | ({"HEAD"} if "GET" in documented else set())
            address = re.sub(r"{\w+}", SOME_ID, path)
            with case("OPTIONS", path):
                options = await client.options(address)

                assert options.status_code == 204
                assert options.headers["allow"] == ", ".join(sorted(allowed))
            for method in set(METHODS) - documented:
                with case(method, path):
                    reply = await client.request(method, address)

                    assert reply.status_code == 405
                    assert reply.headers["allow"] == ", ".join(sorted(allowed))


def calls() -> list[tuple[str, str]]:
    """Return method and address of every documented call."""
    return [
        (method.upper(), path)
        for path, operations in document()["paths"].items()
        for method in operations
    ]


def _succeeded(chat: ChatServer) -> set[tuple[str, str]]:
    """Return the calls that the chat has answered with success."""
    metrics = httpx.get(f"{chat.url}/api/metrics").text
    line = r'^chat_http_requests_total{method="(\w+)",route="([^"]+)",status="(\d+)"}'
    found = re.findall(line, metrics, re.MULTILINE)
    return {(method, path) for method, path, status in found if status[0] == "2"}
