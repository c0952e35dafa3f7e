"""The dashboard, the alert rules and the document name existing metrics and are well formed."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.harness.clients import http_client
from tests.harness.servers import ROOT, ChatServer

NAMES = re.compile(r"\b((?:chat|process)_[a-z_]+)\b")
PARTS = re.compile(r"_(bucket|sum|count)$")
# The gauge of open tabs: the chat of these tests has no screens; see tests/ui.
OF_THE_SCREENS = {"chat_tabs"}
UNITS = {"ops", "s", "short", "reqps", "percentunit", "bytes"}
KINDS = {"timeseries", "stat"}

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DOCUMENT = (ROOT / "docs/observability.md").read_text()

with_redis = pytest.mark.parametrize("pair", ["postgres+redis"])


async def exported_kinds(chat: ChatServer) -> dict[str, str]:
    """Return the kind of each metric that a node exports."""
    async with http_client(chat.url) as client:
        reply = await client.get("/api/metrics")
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", reply.text, re.MULTILINE))
    return {**kinds, **dict.fromkeys(OF_THE_SCREENS, "gauge")}


def named_in(text: str) -> set[str]:
    return set(NAMES.findall(text))


def is_known(name: str, kinds: dict[str, str]) -> bool:
    """Return whether a metric has that name, or a histogram has that part."""
    return name in kinds or kinds.get(PARTS.sub("", name)) == "histogram"


@with_redis
async def test_every_metric_on_the_dashboard_exists(chat: ChatServer) -> None:
    kinds = await exported_kinds(chat)

    for panel in PANELS:
        for target in panel["targets"]:
            names = named_in(target["expr"])
            assert names, panel["title"]
            for name in names:
                assert is_known(name, kinds), f"{panel['title']}: {name}"


@with_redis
async def test_every_metric_in_a_rule_exists(chat: ChatServer) -> None:
    kinds = await exported_kinds(chat)

    for rule in RULES:
        for name in named_in(rule["expr"]):
            assert is_known(name, kinds), f"{rule['alert']}: {name}"


@with_redis
async def test_the_document_describes_every_metric_and_no_other(chat: ChatServer) -> None:
    kinds = await exported_kinds(chat)
    described = named_in(DOCUMENT)

    assert {name for name in kinds if name.startswith("chat_")} <= described
    assert {name for name in described if not is_known(name, kinds)} == set()


@with_redis
async def test_counters_are_shown_as_rates(chat: ChatServer) -> None:
    kinds = await exported_kinds(chat)
    growing = [PARTS.sub("", name) for name, kind in kinds.items() if kind == "counter"]

    for panel in PANELS:
        for target in panel["targets"]:
            for name in named_in(target["expr"]) & set(growing):
                assert f"rate({name}" in target["expr"], panel["title"]


def test_panels_have_titles_units_and_places_of_their_own() -> None:
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]

    assert all(titles)
    for values in (titles, places, numbers):
        assert len(set(values)) == len(values)
    for panel in PANELS:
        assert panel["type"] in KINDS
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["description"], panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_queries_are_balanced_and_filter_the_chosen_nodes() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"]
            for opening, closing in ("()", "{}", "[]"):
                assert expression.count(opening) == expression.count(closing), expression
            assert 'job=~"$job"' in expression
            assert target["datasource"]["uid"] == "${datasource}"


def test_rules_have_a_severity_and_a_summary() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_example_scrapes_the_nodes_with_the_token_and_reads_the_rules() -> None:
    example = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    [job] = example["scrape_configs"]

    assert job["job_name"] == "chat"
    assert job["metrics_path"] == "/api/metrics"
    assert job["authorization"]["credentials_file"]
    for file in example["rule_files"]:
        assert (ROOT / "deploy/prometheus" / file).is_file()
