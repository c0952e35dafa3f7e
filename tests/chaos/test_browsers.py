"""Runs with browsers, and what their judge finds."""

import asyncio

import pytest

from chaos.browsers import judge_files, judge_words, report_browsers, run_browsers
from chaos.ledger import Row, Stored
from chaos.plan import Plan
from chaos.proxy import Weather
from chaos.screens import Word
from chaos.stage import SharedFile


def stored(*contents: str) -> Stored:
    """Return a database with messages of Mira in one conversation; "" is a deleted one."""
    rows = [
        Row("talk", seq, seq, str(seq), "mira", content, 0)
        for seq, content in enumerate(contents, 1)
    ]
    return Stored(rows, {}, {})


def test_the_judge_finds_words_that_are_lost_doubled_or_altered() -> None:
    words = {"a-0.": Word("mira", "talk", {"a-0. hello", "a-0. edited 5"})}
    for contents, fault in (
        (["a-0. hello"], None),
        (["a-0. edited 5"], None),
        ([], "lost"),
        (["a-0. hello", "a-0. hello"], "stored 2 times"),
        (["a-0. hell"], "altered"),
        ([""], "lost"),
        (["a-0. hello", ""], "deleted messages"),
    ):
        faults = judge_words(words, stored(*contents))

        assert (faults == []) is (fault is None), contents
        assert fault is None or any(fault in found for found in faults), faults


def test_the_judge_finds_deletions_that_did_not_last() -> None:
    maybe = Word("mira", "talk", {"a-0. hello"}, may_be_deleted=True)
    gone = Word("mira", "talk", {"a-1. hello"}, may_be_deleted=True, may_be_there=False)

    assert judge_words({"a-0.": maybe}, stored("a-0. hello")) == []
    assert judge_words({"a-0.": maybe}, stored("")) == []
    assert judge_words({"a-1.": gone}, stored("")) == []
    assert judge_words({"a-1.": gone}, stored("a-1. hello")) == ["a-1. was deleted and is there"]


def test_the_judge_finds_files_that_are_lost_doubled_or_altered() -> None:
    shared = Word("mira", "talk", {"a-0."}, files={"a-0.bin": "digest"})
    words = {"a-0.": shared, "a-1.": Word("mira", "talk", {"a-1. hello"})}
    whole = SharedFile("a-0.", "a-0.bin", "digest")

    assert judge_files(words, [whole]) == []
    assert judge_files(words, [whole._replace(content="a-0. edited 5")]) == []
    for files in (
        [],
        [whole, whole],
        [whole._replace(sha256="other")],
        [whole._replace(name="other")],
        [whole, whole._replace(content="a-1. hello")],
    ):
        assert len(judge_files(words, files)) == 1, files
    words["a-0."].may_be_deleted = True
    assert judge_files(words, []) == []
    assert len(judge_files(words, [whole._replace(sha256="other")])) == 1


@pytest.mark.only_in_test_all
@pytest.mark.timeout(900)
def test_every_screen_equals_the_database_after_broken_links() -> None:
    weather = Weather(drop=0.4, delay_s=0.2, look_s=4)
    plan = Plan(browsers=True, seconds=30, seed=7, weather=weather)
    seen = asyncio.run(run_browsers(plan))

    assert seen.is_whole, report_browsers(plan, seen)
    assert seen.did["files shared"] > 0
    assert seen.did["links cut"] + seen.did["answers swallowed"] > 0
