"""Parse `story.txt`: the conversations of the demo with their messages."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

STORY = Path(__file__).with_name("story.txt")

HEAD = re.compile(r"== (?P<one>\w+) (?P<other>\w+)(?:; (?P<mark>unread|waiting) (?P<count>\d+))?")
GROUP = re.compile(
    r"=== (?P<title>[^;]+); (?P<people>[\w ]+)(?P<open>; open)?(?:; unread (?P<count>\d+))?"
)
LINE = re.compile(
    r"(?P<when>\S+(?: \d\d:\d\d)?) (?P<who>\w+): (?P<text>.+?)(?P<marks>(?: \[[^\]]+\])*)"
)
MARK = re.compile(r"\[([^\]]+)\]")
DAYS = re.compile(r"(\d+)d (\d\d):(\d\d)")
AGO = re.compile(r"(\d+)([mh])")
MOMENT = timedelta(seconds=1)
EDITED, DELETED = " (edited)", "(deleted)"


class Marks(NamedTuple):
    """The later changes of a message, and the message that it refers to.

    It is a reply to the one so many messages `above` it, 0 for none.
    """

    above: int = 0
    forwarded_from: str = ""
    pinned_by: str = ""
    was: str = ""
    reactions: tuple[tuple[str, str], ...] = ()


class Published(NamedTuple):
    """A message of the story; the reactions of its marks are pairs of an emoji and a person."""

    sender: str
    content: str
    at: datetime
    is_edited: bool
    is_deleted: bool
    marks: Marks = Marks()


class Talk(NamedTuple):
    """A conversation: its last `unread` messages are not read, its last `waiting` not received.

    A group has a `title`; the first of its people owns it and has not read those messages.
    """

    people: tuple[str, ...]
    unread: int
    waiting: int
    messages: tuple[Published, ...]
    title: str = ""
    is_open: bool = False


def read_story(now: datetime) -> list[Talk]:
    """Return every conversation, as it would be `now`; days are those of `now`'s time zone."""
    talks: list[tuple[re.Match[str], list[re.Match[str]]]] = []
    for line in _lines():
        if head := GROUP.fullmatch(line) or HEAD.fullmatch(line):
            talks.append((head, []))
        elif found := LINE.fullmatch(line):
            talks[-1][1].append(found)
        else:
            raise ValueError(f"story.txt: what does this mean? {line}")
    return [_talk(head, lines, now) for head, lines in talks]


def _lines() -> Iterator[str]:
    for line in STORY.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def _talk(head: re.Match[str], lines: Iterable[re.Match[str]], now: datetime) -> Talk:
    messages: list[Published] = []
    for line in lines:
        at = _time(line["when"], now, messages[-1].at if messages else None)
        text = line["text"].replace("\\n", "\n")
        messages.append(
            Published(
                sender=line["who"],
                content="" if text == DELETED else text.removesuffix(EDITED),
                at=at,
                is_edited=text.endswith(EDITED),
                is_deleted=text == DELETED,
                marks=_marks(line["marks"]),
            )
        )
    count = int(head["count"] or 0)
    if head.re is GROUP:
        people = tuple(head["people"].split())
        is_open = head["open"] is not None
        return Talk(people, count, 0, tuple(messages), head["title"], is_open)
    waiting = count if head["mark"] == "waiting" else 0
    return Talk((head["one"], head["other"]), count, waiting, tuple(messages))


def _marks(text: str) -> Marks:
    marks = Marks()
    for mark in MARK.findall(text):
        match mark.split():
            case ["reply", above]:
                marks = marks._replace(above=int(above))
            case ["forwarded", "from", who]:
                marks = marks._replace(forwarded_from=who)
            case ["pinned", "by", who]:
                marks = marks._replace(pinned_by=who)
            case ["was", *_]:
                marks = marks._replace(was=mark.removeprefix("was "))
            case [emoji, *people]:
                marks = marks._replace(
                    reactions=(*marks.reactions, *((emoji, who) for who in people))
                )
            case _:
                raise ValueError(f"story.txt: what does [{mark}] mean?")
    return marks


def _time(when: str, now: datetime, before: datetime | None) -> datetime:
    if when.startswith("+"):
        if before is None:
            raise ValueError(f"story.txt: {when} after what?")
        at = before + timedelta(minutes=int(when))
    elif days := DAYS.fullmatch(when):
        day = now - timedelta(days=int(days[1]))
        at = day.replace(hour=int(days[2]), minute=int(days[3]), second=17, microsecond=0)
    elif ago := AGO.fullmatch(when):
        at = now - timedelta(minutes=int(ago[1]) * (60 if ago[2] == "h" else 1))
    else:
        raise ValueError(f"story.txt: when is {when}?")
    # Soon after midnight "last night" is less long ago than the story means.
    at = at if before is None else max(at, before + MOMENT)
    return min(at, now)
