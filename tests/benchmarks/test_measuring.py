"""The workloads run, keep what they measured, and turn it into tables and pictures."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import growth, plots, tables
from benchmarks.capacity import for_users, of_one_core
from benchmarks.figures import Figures, at_least, at_most
from benchmarks.records import Record, keep, load, record_of
from benchmarks.suite import ON_SERVERS, WHOLE, WORKLOADS
from benchmarks.workload import Plan
from tests.harness.servers import ROOT

QUICK = Plan(runs=1, seconds=0.1, quick=True)
MACHINE = {"load average at the start": "0.5"}


def recorded(workload: str, **values: float) -> Record:
    figures = Figures(workload, "as it was")
    for name, value in values.items():
        figures.add(name, value, at_most(10))
    return record_of(figures, Plan(), f"python -m benchmarks {workload}", MACHINE)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own command, and the words of the tests
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


# One workload against a server, one inside the process; all of them would take minutes.
def test_a_quick_run_measures_and_keeps(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"

    done = run("direct", "statements", "--quick", "--record", str(results))

    assert done.returncode == 0, done.stderr
    kept = load(results)
    assert set(kept) == {"direct sqlite", "statements sqlite"}
    assert (kept["direct sqlite"].median("stored, acked and delivered, msg/s") or 0) > 0
    assert "targets missed" in done.stdout


async def test_growth_does_the_same_work_at_every_scale() -> None:
    figures = (await growth.measure_messages(replace(QUICK, scales=(500, 2_000))))[0]

    ratios = [row.name for row in figures.rows() if row.target]
    assert "send, 2,000 / 500 messages" in ratios
    assert {"messages", "send", "newest page", "search people"} <= set(figures.points[0])
    assert [point["messages"] for point in figures.points] == [500, 2_000]


def test_several_nodes_need_servers() -> None:
    done = run("direct", "--nodes", "2")

    assert done.returncode == 2
    assert "--pair postgres" in done.stderr


def test_the_whole_run_has_every_workload_and_can_be_run() -> None:
    assert {turn.workload for turn in WHOLE} == set(WORKLOADS)
    assert all(
        turn.pair == "postgres" for turn in WHOLE if turn.nodes > 1 or turn.workload in ON_SERVERS
    )


def test_a_figure_says_whether_it_has_reached_its_target() -> None:
    figures = Figures("direct", "")
    for value in (1.0, 30.0, 2.0):
        figures.add("p99, ms", value, at_most(20))
        figures.add("msg/s", value, at_least(20))

    rows = {row.name: row for row in figures.rows()}

    assert rows["p99, ms"].cells() == ("p99, ms", "2", "1-30", "≤ 20", "PASS")
    assert rows["msg/s"].verdict == "MISS"


def test_a_later_record_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    keep(results, [recorded("idle", memory=40), recorded("tabs", memory=150)])

    keep(results, [recorded("idle", memory=50)])

    kept = load(results)
    assert list(kept) == ["idle sqlite", "tabs sqlite"]
    assert kept["idle sqlite"].median("memory") == 50


def test_tables_are_written_between_their_marks(tmp_path: Path) -> None:
    results, document = tmp_path / "results.jsonl", tmp_path / "performance.md"
    keep(results, [recorded("idle", memory=40, cpu=2)])
    document.write_text(
        "Before.\n<!-- figures idle sqlite -->\nold\n<!-- end -->\nAfter.\n"
        "<!-- figures targets -->\n<!-- end -->\n"
    )

    tables.fill(results, [document])
    once = document.read_text()
    tables.fill(results, [document])

    assert document.read_text() == once
    assert "old" not in once
    assert once.startswith("Before.\n")
    assert "After." in once
    assert "`python -m benchmarks idle`" in once
    assert "| memory | 40 |  | ≤ 10 | MISS |" in once
    assert "| idle sqlite | cpu | 2 |  | ≤ 10 | PASS |" in once


def test_a_table_that_was_not_recorded_is_named_and_left_alone(tmp_path: Path) -> None:
    results, document = tmp_path / "results.jsonl", tmp_path / "performance.md"
    keep(results, [recorded("idle", memory=40)])
    text = "<!-- figures tabs sqlite -->\nold\n<!-- end -->\n"
    document.write_text(text)

    with pytest.raises(SystemExit, match="tabs sqlite"):
        tables.fill(results, [document])

    assert document.read_text() == text


def test_growth_is_told_scale_beside_scale(tmp_path: Path) -> None:
    results, document = tmp_path / "results.jsonl", tmp_path / "performance.md"
    figures = Figures("growth", "")
    for scale, took in ((10_000, 2.0), (1_000_000, 3.0)):
        figures.add(f"send, {scale:,} messages, p50, ms", took)
        figures.add(f"send, {scale:,} messages, p99, ms", 2 * took)
    figures.add("send, 1,000,000 / 10,000 messages", 1.5, at_most(1.3))
    keep(results, [record_of(figures, Plan(), "python -m benchmarks growth", MACHINE)])
    document.write_text("<!-- figures growth sqlite -->\n<!-- end -->\n")

    tables.fill(results, [document])

    assert "| send | 2 / 4 | 3 / 6 | 1.5 (≤ 1.3) | MISS |" in document.read_text()


def test_pictures_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    knee = Figures("knee", "", points=[{"rate": 600.0, "p50_ms": 2.0, "p99_ms": 9.0}])
    growth = Figures("growth", "", points=[{"messages": 10_000.0, "send": 2.0}])
    records = [record_of(one, Plan(), "", MACHINE) for one in (knee, growth)]
    keep(results, records)

    plots.draw(results)

    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert drawn == {"latency.svg", "growth.svg"}
    assert all("<svg" in path.read_text() for path in tmp_path.glob("*.svg"))


def test_capacity_is_arithmetic_on_what_was_recorded() -> None:
    records = {
        "nodes postgres 2 nodes": recorded(
            "nodes",
            **{
                "CPU of the nodes, two together, µs a message": 300,
                "CPU of postgres, µs a message": 100,
                "CPU of redis-server, µs a message": 10,
            },
        ),
        "idle sqlite": recorded(
            "idle",
            **{
                "memory of a socket, KiB": 64,
                "silent, % of a core": 1,
                "with a heartbeat every 30 s, % of a core": 11,
            },
        ),
        "tabs sqlite": recorded(
            "tabs",
            **{"memory of a tab, KiB": 256, "CPU of a refresh, sending included, ms": 0.5},
        ),
        "room of 1,000 sqlite": recorded("room", **{"server CPU, µs a delivery": 50}),
        "growth postgres": recorded(
            "growth", **{"bytes a message on the disk, 1,000,000 messages": 450}
        ),
    }

    core, people = of_one_core(records), for_users(records)

    assert "| a direct message on a node | 300 µs | 2,000 messages/s |" in core
    assert "| memory of a socket | 64 KiB | 16,000 a GiB |" in core
    # A tenth of a core for 33 heartbeats a second.
    assert "3e+03 µs a heartbeat" in core or "3,000 µs a heartbeat" in core
    assert "| messages/s at the peak | 9 | 93 | 930 | 9,300 |" in people
    assert "| memory of sockets, GiB | 0.061 | 0.61 | 6.1 | 61 |" in people


def test_every_table_of_the_documents_is_one_that_the_whole_run_makes() -> None:
    """A key that nothing records would stay empty for ever."""
    made = {turn.workload for turn in WHOLE} | set(tables.DERIVED)
    made |= {"knee", "rooms of 10", "room of 1,000", "growth-long"}
    marked = [
        match["key"]
        for document in tables.DOCUMENTS
        for match in tables.MARKED.finditer((ROOT / document).read_text())
    ]

    assert marked
    assert not [key for key in marked if not any(key.startswith(name) for name in made)]
