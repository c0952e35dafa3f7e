"""Messages found over the wire: pages, marks, live rows, and forged arguments of handlers."""

from functools import partial
from uuid import uuid4

import pytest

from chat_app.ui.search.rows import SHOWN, pieces_of
from tests.harness.clients import Json, Person
from tests.harness.searches import until_found
from tests.harness.tabs import Tab, state_name

SEARCH = state_name("search.state", "search_state")
FORGED: list[object] = ["", "me", "a" * 50_000, "../..", "\u202e", None, 7, -1, [], {"id": 1}, True]
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(1)</script>'


def a_word() -> str:
    """Return a word that nobody else writes."""
    return f"w{uuid4().hex}"


def texts(tab: Tab) -> list[str]:
    """Return the texts that a tab shows."""
    return ["".join(piece["text"] for piece in row["pieces"]) for row in tab.rows("hits")]


def marked(row: Json) -> list[str]:
    """Return what is marked in a row."""
    return [piece["text"] for piece in row["pieces"] if piece["hit"]]


def is_answered(tab: Tab, question: int) -> bool:
    """Return whether the dialog "Go to" has the answer to a question."""
    return bool(tab.fact("goto", "answered") == question)


class Searcher:
    """A tab that searches, and counts its questions."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.question = 0

    async def ask(self, text: object, *, scope: object = "", least: object = 0) -> None:
        """Search, and wait for the answer."""
        payload = {"text": text, "scope": scope, "least": least}
        await self._send("search", payload)

    async def more(self) -> None:
        """Ask for the next page, and wait for it."""
        await self._send("load_more", {})

    async def _send(self, handler: str, payload: Json) -> None:
        self.question += 1
        payload = {**payload, "question": self.question}
        await self.tab.send(f"{SEARCH}.{handler}", payload, path="/search")
        await self.tab.until(lambda: self.tab.fact("hits", "answered") == self.question)


async def test_found_messages_are_paged_and_have_marks(ada: Person, bea: Person) -> None:
    word = a_word()
    sent = await bea.write_all(ada, *(f"{word} number {n}" for n in range(35)))
    await until_found(ada, f"{word} 34", f"{word} number 34")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/search")
        searcher = Searcher(tab)
        await searcher.ask(word.upper())
        assert texts(tab) == [f"{word} number {n}" for n in range(34, 4, -1)]
        assert tab.fact("hits", "announcement") == "30 messages found so far"
        first = tab.rows("hits")[0]
        assert first["href"] == f"/chat/{sent[0]['conversation_id']}?at=35"
        assert (first["author"], first["about"], marked(first)) == ("Bea", "Bea", [word])

        await searcher.more()
        assert texts(tab) == [f"{word} number {n}" for n in range(34, -1, -1)]
        assert not tab.fact("hits", "has_more")
        await searcher.more()
        assert len(tab.rows("hits")) == 35
        await searcher.ask("")
        assert tab.rows("hits") == []
        await searcher.ask(word, least=35)
        assert len(tab.rows("hits")) == 35


async def test_found_messages_follow_what_becomes_of_them(ada: Person, bea: Person) -> None:
    word = a_word()
    group = await bea.make_group(ada, title="Choir")
    await bea.write_in(group["id"], f"{word} in the group")
    edited, deleted = await bea.write_all(ada, f"{word} first", f"{word} second")
    await until_found(ada, word, f"{word} in the group", f"{word} first", f"{word} second")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/search")
        await Searcher(tab).ask(word)
        assert {row["about"] for row in tab.rows("hits")} == {"Bea", "Choir"}

        path = f"/api/messages/{edited['id']}"
        await bea.http.patch(path, json={"content": f"{word} third"})
        await tab.until(lambda: f"{word} third" in texts(tab))
        await bea.http.patch(path, json={"content": "Something else"})
        await tab.until(lambda: len(tab.rows("hits")) == 2)
        await bea.http.delete(f"/api/messages/{deleted['id']}")
        await tab.until(lambda: texts(tab) == [f"{word} in the group"])
        await bea.http.delete(f"/api/conversations/{group['id']}/members/{ada.id}")
        await tab.until(lambda: tab.rows("hits") == [])


async def test_what_would_be_found_since_is_noted_and_found_when_asked_for(
    ada: Person, bea: Person
) -> None:
    word = a_word()
    group = await bea.make_group(ada, title="Choir")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/search")
        searcher = Searcher(tab)
        await searcher.ask(word)
        assert not tab.fact("hits", "has_new")

        await bea.write(ada, "Something else")
        sent = await bea.write(ada, f"{word} one")
        await tab.until(lambda: tab.fact("hits", "has_new"))
        assert tab.fact("hits", "announcement") == "There are new results"
        assert texts(tab) == []
        await bea.http.delete(f"/api/messages/{sent['id']}")
        await tab.until(lambda: not tab.fact("hits", "has_new"))
        assert tab.fact("hits", "announcement") == "No message found"

        edited = await bea.write(ada, "Something else")
        path = f"/api/messages/{edited['id']}"
        await bea.http.patch(path, json={"content": f"{word} two"})
        await tab.until(lambda: tab.fact("hits", "has_new"))
        # The reader may be quicker than the index.
        while texts(tab) != [f"{word} two"]:
            await searcher.ask(word)
        assert not tab.fact("hits", "has_new")

        await searcher.ask(word, scope=group["id"])
        await bea.write(ada, f"{word} elsewhere")
        await bea.write_in(group["id"], f"{word} here")
        await tab.until(lambda: tab.fact("hits", "has_new"))
        await bea.http.delete(f"/api/conversations/{group['id']}/members/{ada.id}")
        await tab.until(lambda: not tab.fact("hits", "has_new"))
        await searcher.ask("")
        await bea.write(ada, f"{word} last")
        await tab.settled()
        assert not tab.fact("hits", "has_new")


async def test_a_search_within_a_conversation_finds_nothing_else(ada: Person, bea: Person) -> None:
    word = a_word()
    group = await bea.make_group(ada, title="Choir")
    await bea.write_in(group["id"], f"{word} in the group")
    await bea.write(ada, f"{word} directly")
    await until_found(ada, word, f"{word} in the group", f"{word} directly")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/search")
        searcher = Searcher(tab)
        await searcher.ask(word, scope=group["id"])
        assert texts(tab) == [f"{word} in the group"]
        await searcher.ask(word)
        assert len(tab.rows("hits")) == 2
        for nowhere in (str(uuid4()), "nowhere"):
            await searcher.ask(word, scope=nowhere)
            assert tab.rows("hits") == []


async def test_the_dialog_go_to_has_a_list_of_its_own(ada: Person, bea: Person) -> None:
    word, other = a_word(), a_word()
    await bea.write_all(ada, *(f"{word} number {n}" for n in range(10)), other)
    await until_found(ada, other, other)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/")
        await Searcher(tab).ask(other)
        for question, text, count in ((1, word, 8), (2, "a" * 300, 0), (3, other, 1), (4, "", 0)):
            await tab.send(f"{SEARCH}.go_to", {"text": text, "question": question})
            await tab.until(partial(is_answered, tab, question))
            assert len(tab.rows("goto")) == count
            assert bool(tab.fact("goto", "problem")) == (len(text) > 256)
        assert texts(tab) == [other]
        for value in FORGED:
            await tab.send(f"{SEARCH}.go_to", {"text": value, "question": value})
        await tab.settled()


async def test_strangers_find_nothing_and_forged_arguments_change_nothing(
    ada: Person, bea: Person, eve: Person
) -> None:
    word = a_word()
    sent = await bea.write(ada, f"{word} {HOSTILE}")
    await until_found(ada, word, f"{word} {HOSTILE}")
    async with Tab.open(eve.url, cookie=eve.cookie) as tab:
        await tab.hydrate("/search")
        for value in [sent["conversation_id"], *FORGED]:
            right: Json = {"text": word, "scope": "", "question": 0, "least": 0}
            for name in right:
                await tab.send(f"{SEARCH}.search", {**right, name: value}, path="/search")
            await tab.send(f"{SEARCH}.load_more", {"question": value}, path="/search")
        await tab.settled()
        searcher = Searcher(tab)
        await searcher.ask(word, scope=sent["conversation_id"])
        await searcher.ask(word)
        assert tab.rows("hits") == []
        assert tab.fact("hits", "announcement") == "No message found"
        await searcher.ask("a" * 300)
        assert "up to 256 characters" in tab.fact("hits", "problem")
        assert tab.fact("hits", "announcement") == ""


def test_a_snippet_keeps_the_first_hit_and_cuts_no_letter_apart() -> None:
    family = "👩‍👩‍👧"
    text = f"{'word ' * 40}needle {family * 100} needle"
    at = text.index("needle")
    pieces = pieces_of(text, [(at, at + 6), (len(text) - 6, len(text))])

    shown = "".join(piece["text"] for piece in pieces)
    assert [piece["text"] for piece in pieces if piece["hit"]] == ["needle"]
    assert shown.startswith("…word ")
    assert shown.endswith(f"{family}…")
    assert len(shown) <= SHOWN + 2


@pytest.mark.parametrize("text", ["", "a", "a\n\n b", "e\u0301" * 200, "مرحبا بكم"])
def test_a_snippet_without_hits_is_the_beginning(text: str) -> None:
    shown = "".join(piece["text"] for piece in pieces_of(text, []))
    assert shown.removesuffix("…") == " ".join(text.split())[:SHOWN]


def test_a_snippet_whose_text_has_no_blanks_begins_between_letters() -> None:
    text = "e\u0301" * 200 + "x" + "e\u0301" * 200
    pieces = pieces_of(text, [(400, 401)])
    assert pieces[0] == {"text": "…", "hit": False}
    assert pieces[1]["text"].startswith("e\u0301")
    assert {"text": "x", "hit": True} in pieces


def test_marks_of_markdown_are_left_out() -> None:
    text = "Is the **last** one `mine`?\n> a > b, ~~yes~~"
    at = text.index("last")

    pieces = pieces_of(text, [(at, at + 4), (text.index("mine"), text.index("mine") + 4)])

    assert "".join(piece["text"] for piece in pieces) == "Is the last one mine? a > b, yes"
    assert [piece["text"] for piece in pieces if piece["hit"]] == ["last", "mine"]
