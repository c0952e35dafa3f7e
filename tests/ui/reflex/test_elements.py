"""The scripts of the pages: what they import from packages, and how texts become vars."""

import json

import reflex as rx

from chat_app.ui.reflex.elements import PACKAGES, said, say
from chat_app.ui.told import told
from tests.harness.servers import ROOT


def test_the_scripts_are_checked_against_the_packages_that_are_bundled() -> None:
    tools = json.loads((ROOT / ".config" / "javascript" / "package.json").read_text())
    lock = json.loads((ROOT / "reflex.lock" / "package-lock.json").read_text())

    for package in PACKAGES:
        name, _, version = package.rpartition("@")

        assert tools["devDependencies"][name] == version
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_a_text_is_a_call_in_the_browser() -> None:
    assert str(say("Sign in")) == '(say("Sign in"))'
    counted = say("{n} member|{n} members", n=rx.Var("row.count"))
    assert str(counted) == '(say("{n} member|{n} members", ({ ["n"] : row.count })))'
    assert str(said(rx.Var("row.problem"))) == "(said(row.problem))"
    data = counted._get_all_var_data()
    assert data is not None
    assert "$/public/browser/texts.js" in dict(data.imports)


def test_a_told_text_holds_its_places_as_data() -> None:
    evil = 'x"], {"n": 1}]'

    assert told("Photo") == '\0["Photo"]'
    assert json.loads(told("{name} left", name=evil)[1:]) == ["{name} left", {"name": evil}]
