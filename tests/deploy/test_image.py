"""The container image: its recipe, and a node that runs with only the image's files.

There may be no container engine, so the files of the last stage are copied into a read-only folder,
and the image's command runs there.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness import servers
from tests.harness.servers import ROOT

RECIPE = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in RECIPE.splitlines() if line and line[0] not in "# "]
STARTS = [index for index, (word, _) in enumerate(STEPS) if word == "FROM"]
LAST_STAGE = STEPS[STARTS[-1] :]
SECRET = "kXw3_vB7qLr0ZtYdP9mNcHs5Ua-J2eGfT8oIi4RzQbW6xEyV"


def instructions(word: str) -> list[str]:
    """Return the arguments of each instruction `word` in the last stage."""
    return [rest for step, rest in LAST_STAGE if step == word]


def copied() -> Iterator[tuple[str, str]]:
    """Yield each path of the checkout or its build that is copied, and its target below `/app`."""
    for rest in instructions("COPY"):
        words = [word for word in shlex.split(rest) if not word.startswith("--from")]
        for source in words[:-1]:
            inside = source.removeprefix("/app/")
            yield inside, words[-1].removeprefix("./") or inside


class TestTheRecipe:
    def test_has_two_stages_from_images_with_versions(self) -> None:
        images = [STEPS[index][1] for index in STARTS]

        assert len(images) == 2
        assert images[0].endswith(" AS build")
        for image in images:
            assert re.fullmatch(r"python:3\.\d+-slim-\w+", image.split()[0])

    def test_runs_as_a_plain_user(self) -> None:
        assert instructions("USER") == ["10001"]
        assert [step for step, _ in LAST_STAGE].index("USER") > max(
            index for index, (step, _) in enumerate(LAST_STAGE) if step in ("RUN", "COPY")
        )

    def test_leaves_node_behind(self) -> None:
        first = " ".join(rest for _, rest in STEPS[: STARTS[-1]])
        packages = re.findall(
            r"^(nodejs\S*?)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE
        )

        assert packages
        for package in packages:
            assert package in first.partition("pip uninstall --yes")[2]

    def test_holds_no_setting_and_no_secret(self) -> None:
        assert set(re.findall(r"CHAT_\w+", RECIPE)) == {"CHAT_DATA_DIR"}
        assert not {"ARG", "ADD"} & {step for step, _ in STEPS}
        assert ".env" not in [source for source, _ in copied()]

    def test_has_the_optional_libraries(self) -> None:
        """Without those of traces a node with CHAT_OTEL_ENDPOINT would not start."""
        [install] = [rest for _, rest in STEPS if "pip install" in rest]

        for path in ROOT.glob("requirements-*.txt"):
            assert (f"-r {path.name}" in install) == (path.name != "requirements-dev.txt")

    def test_hands_signals_to_python_itself(self) -> None:
        assert json.loads(instructions("ENTRYPOINT")[0]) == ["python", "-m"]
        assert json.loads(instructions("CMD")[0])[0] == "chat_app.serve"

    def test_copies_existing_files_and_no_private_ones(self) -> None:
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
        wanted = {
            source
            for step, rest in STEPS
            if step == "COPY" and "--from" not in rest
            for source in shlex.split(rest)[:-1]
        }

        assert "*" in lines
        assert let_in == wanted
        assert all((ROOT / name).exists() for name in let_in)


@pytest.fixture
def image(front_end: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a read-only folder with the files that the image has in `/app`."""
    assert front_end.is_dir()
    folder = tmp_path / "app"
    for source, target in copied():
        if source == ".venv":
            continue
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "external")
            shutil.copytree(ROOT / source, folder / target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, folder / target)
    make_writable(folder, writable=False)
    yield folder
    make_writable(folder, writable=True)


def make_writable(folder: Path, *, writable: bool) -> None:
    """Make the files of a folder writable for their owner, or read-only."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod((0o755 if writable else 0o555) if path.is_dir() else 0o444)


def as_in_the_image(*arguments: str) -> list[str]:
    """Return the command that runs `python -m` like the image's plain user."""
    command = [sys.executable, "-m", *arguments]
    if os.geteuid() != 0:
        return command
    # Root without its capabilities cannot write either, like a plain user.
    return [str(shutil.which("setpriv")), "--bounding-set=-all", "--", *command]


def environment(data: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a node in the image; there is no program on its path."""
    data.mkdir(exist_ok=True)
    nowhere = "/nonexistent"
    return {
        "PATH": nowhere,
        "HOME": nowhere,
        "PYTHONDONTWRITEBYTECODE": "1",
        "CHAT_DATA_DIR": str(data),
        **settings,
    }


def test_a_node_runs_from_it_without_node_and_without_writing(image: Path, tmp_path: Path) -> None:
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*json.loads(instructions("CMD")[0])[:-3], "127.0.0.1", "--port", str(port)]
    server = servers.Server(
        as_in_the_image(*command),
        log=tmp_path / "log",
        cwd=image,
        environment=environment(tmp_path / "data", CHAT_PUBLIC_URL=url, CHAT_SECRET_KEY=SECRET),
    )
    try:
        server.wait_until(lambda: health(url) == 0)
        page = httpx.get(f"{url}/login")
        script = page.text.partition('href="/assets/')[2].partition('"')[0]

        assert page.status_code == 200
        assert "immutable" in httpx.get(f"{url}/assets/{script}").headers["cache-control"]
        assert httpx.get(f"{url}/chat/{'0' * 8}").status_code == 200
    finally:
        status = server.stop()
    assert status == 0
    assert "Traceback" not in server.text()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["chat.db", "search.db"]


def health(url: str) -> int:
    """Return the exit status of the image's own health check for `url`."""
    [command] = [rest.partition("CMD ")[2] for rest in instructions("HEALTHCHECK")]
    [_, *arguments] = json.loads(command)
    done = subprocess.run(  # noqa: S603  # our own one-liner
        [sys.executable, *(word.replace("http://127.0.0.1:3000", url) for word in arguments)],
        check=False,
        capture_output=True,
    )
    return done.returncode


def test_the_health_check_fails_without_a_server() -> None:
    assert health(f"http://127.0.0.1:{servers.free_port()}") == 1


def test_the_migration_runs_from_it(image: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"

    done = run(image, "alembic", "upgrade", "head", **environment(data, CHAT_SECRET_KEY=SECRET))

    assert done.returncode == 0, done.stderr
    assert (data / "chat.db").is_file()


def test_an_image_without_a_front_end_refuses_to_start(image: Path, tmp_path: Path) -> None:
    make_writable(image, writable=True)
    (image / ".web/build/fingerprint").unlink()

    assert_refuses(image, tmp_path)


def test_a_front_end_of_other_code_is_not_served(image: Path, tmp_path: Path) -> None:
    make_writable(image, writable=True)
    source = image / "chat_app" / "ui" / "shell.py"
    source.chmod(0o644)
    source.write_text(source.read_text() + "\n# changed\n")

    assert_refuses(image, tmp_path)


def assert_refuses(image: Path, tmp_path: Path) -> None:
    """Check that a node does not start and names the command that helps."""
    done = run(image, "chat_app.serve", "--port", "1", **environment(tmp_path / "data"))

    assert done.returncode == 1
    assert done.stderr.strip() == (
        "There is no front end built from this code here; run `make build` first."
    )


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m` with `arguments` as in the image, to its end."""
    return subprocess.run(  # noqa: S603  # our own programs
        as_in_the_image(*arguments),
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
