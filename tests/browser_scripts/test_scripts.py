"""The scripts of the pages, tested by Node's own runner: one test for each `*.test.js`."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.harness.servers import ROOT

HERE = Path(__file__).parent
NODE = Path(sysconfig.get_path("scripts")) / "node"
PACKAGES = ROOT / ".config" / "javascript" / "node_modules"
OPTIONS = [
    "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",  # no package.json says that they are modules
    f"--import={HERE / 'hooks.js'}",
    "--test",
    "--test-force-exit",  # tabs never stop listening to one another
]


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.js")))
def test_node_runs_the_tests_of_a_script(name: str) -> None:
    assert (PACKAGES / "fake-indexeddb").is_dir(), "`make test` installs what these tests need"
    run = subprocess.run(  # noqa: S603  # the Node of this environment, with our own arguments
        [NODE, *OPTIONS, HERE / name], check=False, capture_output=True, text=True, cwd=ROOT
    )

    assert run.returncode == 0, run.stdout + run.stderr
