"""Benchmarks: the workloads, their records, and the tables and charts made from them."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import growth, plots, tables
from benchmarks.capacity import capacity
from benchmarks.figures import Figures, Record, keep, load, record_of
from benchmarks.names import names
from benchmarks.suite import WHOLE, WORKLOADS
from benchmarks.workload import Plan
from tests.harness.servers import ROOT

QUICK = Plan(runs=1, seconds=0.1, quick=True)
MACHINE = {"load average at the start": "0.5"}
COSTS: dict[str, dict[str, float]] = {
    "nodes postgres 2 nodes": {
        "CPU of the nodes, two together, µs a message": 300,
        "CPU of postgres, µs a message": 100,
        "CPU of redis-server, µs a message": 10,
    },
    "idle sqlite": {
        "memory of a socket, KiB": 64,
        "silent, % of a core": 1,
        "with a heartbeat every 30 s, % of a core": 11,
    },
    "tabs sqlite": {"memory of a tab, KiB": 256, "CPU of a refresh, sending included, ms": 0.5},
    "room of 1,000 sqlite": {"server CPU, µs a delivery": 50},
    "growth postgres": {"bytes a message on the disk, 1,000,000 messages": 450},
}


def recorded(workload: str, pair: str = "sqlite", nodes: int = 1, **values: float) -> Record:
    figures = Figures(workload, "as it was")
    for name, value in values.items():
        figures.add(name, value, most=10)
    return record_of(figures, Plan(workload, pair, nodes), MACHINE)


def recorded_costs() -> list[Record]:
    records = []
    for key, values in COSTS.items():
        workload, pair, nodes = re.fullmatch(r"(.+) (sqlite|postgres)( 2 nodes)?", key).groups()  # type: ignore[union-attr]  # our own keys
        records.append(recorded(workload, pair, 2 if nodes else 1, **values))
    return records


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own command, and the words of the tests
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


# One workload with a server and one within the process; all would take minutes.
def test_a_quick_run_records_its_measurements(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"

    done = run("direct", "statements", "--quick", "--record", str(results))

    assert done.returncode == 0, done.stderr
    kept = load(results)
    assert set(kept) == {"direct sqlite", "statements sqlite"}
    assert kept["direct sqlite"].median("stored, acked and delivered, msg/s") > 0
    assert "targets missed" in done.stdout


async def test_growth_does_the_same_work_at_every_scale() -> None:
    figures = (await growth.measure_messages(replace(QUICK, scales=(500, 2_000))))[0]

    ratios = [row.name for row in figures.rows.values() if row.target]
    assert "send, 2,000 / 500 messages" in ratios
    assert {"messages", "send", "newest page", "search people"} <= set(figures.points[0])
    assert [point["messages"] for point in figures.points] == [500, 2_000]


def test_several_nodes_need_postgres() -> None:
    done = run("direct", "--nodes", "2")

    assert done.returncode == 2
    assert "--pair postgres" in done.stderr


def test_the_full_plan_has_every_workload_and_can_run() -> None:
    assert {plan.workload for plan in WHOLE} == set(WORKLOADS)
    assert all(
        plan.pair == "postgres"
        for plan in WHOLE
        if plan.nodes > 1 or plan.workload in {"nodes", "peers"}
    )


def test_a_plan_names_the_command_that_repeats_it() -> None:
    plan = Plan("growth", "postgres", scales=(10, 20))

    assert plan.command == (
        "python -m benchmarks growth --pair postgres --runs 3 --seconds 6 --scales 10,20"
    )


def test_invented_people_have_unique_usernames() -> None:
    people = list(names(1_000))

    assert len({name.username for name in people}) == 1_000
    assert {"A", "И", "Π", "م", "श", "王", "髙", "김"} <= {
        letter for name in people for letter in name.display_name
    }


def test_a_figure_has_a_verdict_on_its_target() -> None:
    figures = Figures("direct", "")
    for value in (1.0, 30.0, 2.0):
        figures.add("p99, ms", value, most=20)
        figures.add("msg/s", value, least=20)

    rows = figures.rows
    assert rows["p99, ms"].cells() == ("p99, ms", "2", "1-30", "≤ 20", "PASS")
    assert rows["msg/s"].verdict == "MISS"


def test_a_later_record_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    keep(results, [recorded("idle", memory=40), recorded("tabs", memory=150)])

    keep(results, [recorded("idle", memory=50)])

    kept = load(results)
    assert list(kept) == ["idle sqlite", "tabs sqlite"]
    assert kept["idle sqlite"].median("memory") == 50


def test_tables_are_written_beside_the_records(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    keep(results, [*recorded_costs(), recorded("storm", memory=40, cpu=2)])
    (tmp_path / "presence.md").write_text("old")

    tables.write(results)
    written = {path.name: path.read_text() for path in tmp_path.glob("*.md")}
    tables.write(results)

    assert {path.name: path.read_text() for path in tmp_path.glob("*.md")} == written
    assert {"presence.md", "idle.md", "rooms.md", "targets.md", "capacity.md"} <= set(written)
    assert "old" not in written["presence.md"]
    assert "`python -m benchmarks storm --runs 3 --seconds 6`" in written["presence.md"]
    assert "| memory | 40 |  | ≤ 10 | MISS |" in written["presence.md"]
    assert "| storm sqlite | cpu | 2 |  | ≤ 10 | PASS |" in written["targets.md"]


def test_tables_with_missing_records_are_reported_and_not_written(tmp_path: Path) -> None:
    results, page = tmp_path / "results.jsonl", tmp_path / "idle.md"
    keep(results, [record for record in recorded_costs() if record.workload != "tabs"])
    page.write_text("old")

    with pytest.raises(SystemExit, match="tabs sqlite"):
        tables.write(results)

    assert page.read_text() == "old"


def test_growth_tables_have_scale_beside_scale() -> None:
    figures = Figures("growth", "")
    for scale, took in ((10_000, 2.0), (1_000_000, 3.0)):
        figures.add(f"send, {scale:,} messages, p50, ms", took)
        figures.add(f"send, {scale:,} messages, p99, ms", 2 * took)
    figures.add("send, 1,000,000 / 10,000 messages", 1.5, most=1.3)
    records = [*recorded_costs(), record_of(figures, Plan("growth"), MACHINE)]

    page = tables.pages({record.key: record for record in records})["growth"]

    assert "| send | 2 / 4 | 3 / 6 | 1.5 (≤ 1.3) | MISS |" in page


def test_charts_are_drawn_of_the_recorded_figures(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    knee = Figures("knee", "", points=[{"rate": 600.0, "p50_ms": 2.0, "p99_ms": 9.0}])
    growth = Figures("growth", "", points=[{"messages": 10_000.0, "send": 2.0}])
    keep(results, [record_of(one, Plan(), MACHINE) for one in (knee, growth)])

    plots.draw(results)

    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert drawn == {"latency.svg", "growth.svg"}
    assert all("<svg" in path.read_text() for path in tmp_path.glob("*.svg"))


def test_capacity_is_calculated_from_the_records() -> None:
    tables = "\n".join(capacity({record.key: record for record in recorded_costs()}))

    assert "| a direct message on a node | 300 µs | 2,000 messages/s |" in tables
    assert "| memory of a socket | 64 KiB | 16,000 a GiB |" in tables
    # A tenth of a core for 33 heartbeats a second.
    assert "| 3,000 µs a heartbeat, one every 30 s |" in tables
    assert "| messages/s at the peak | 9 | 93 | 930 | 9,300 |" in tables
    assert "| memory of sockets, GiB | 0.061 | 0.61 | 6.1 | 61 |" in tables


def test_the_pages_of_the_documents_are_those_of_the_records() -> None:
    figures = ROOT / "docs" / "figures"

    written = {path.stem: path.read_text() for path in figures.glob("*.md")}

    assert written == tables.pages(load(figures / "results.jsonl"))


def test_every_recorded_figure_is_one_that_the_whole_run_makes() -> None:
    made = {plan.workload for plan in WHOLE} | {
        "knee",
        "room of 1,000",
        "room of 5,000",
        "growth-long",
    }

    recorded_workloads = {
        record.workload for record in load(ROOT / "docs/figures/results.jsonl").values()
    }

    assert recorded_workloads <= made


@pytest.mark.parametrize("name", ["performance", "capacity"])
def test_links_of_the_performance_documents_resolve(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)", (ROOT / "docs" / f"{name}.md").read_text())

    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
