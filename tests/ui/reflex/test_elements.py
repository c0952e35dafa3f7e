"""The scripts of the pages: what they import from packages."""

import json

from chat_app.ui.reflex.elements import PACKAGES
from tests.harness.servers import ROOT


def test_the_scripts_are_checked_against_the_packages_that_are_bundled() -> None:
    tools = json.loads((ROOT / ".config" / "javascript" / "package.json").read_text())
    lock = json.loads((ROOT / "reflex.lock" / "package-lock.json").read_text())

    for package in PACKAGES:
        name, _, version = package.rpartition("@")

        assert tools["devDependencies"][name] == version
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
