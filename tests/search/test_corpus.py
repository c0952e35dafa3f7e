"""A made-up corpus in ten scripts: each search finds what a look at every message finds."""

import asyncio
import random
import unicodedata
from typing import NamedTuple
from uuid import UUID

import pytest
import regex

from chat_app.core.text import fold
from chat_app.models import User
from chat_app.node.node import Node
from chat_app.realtime.shapes import Message
from chat_app.search.embedded import store
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_conversation, to_user
from tests.harness.searches import all_found, until_indexed

SCRIPTS = (
    "the blue sky is over a small red house, installed in Zürich by naïve people of the sea",
    "вчера мы видели синее небо и ёлку над домом у моря",  # noqa: RUF001  # letters of other scripts
    "ο ουρανός είναι γαλάζιος πάνω από το σπίτι της Ελένης",  # noqa: RUF001  # letters of other scripts
    "السماء زرقاء فوق البيت الصغير والبحر هادئ",
    "השמיים כחולים מעל הבית הקטן והים שקט",
    "आकाश नीला है और घर छोटा है की कि",
    "我喜欢蓝色的天空。今天天气很好，小房子在海边",  # noqa: RUF001  # letters of other scripts
    "今日は空が青いです。小さな家は海のそばにあります、タワー",
    "하늘이 파란 오늘 회의에서 작은 집을 봤어요 바다",
    "ท้องฟ้าเป็นสีฟ้าวันนี้ บ้านเล็กอยู่ใกล้ทะเล ສະບາຍດີ ខ្ញុំ မြန်မာ",
)
JOINTS = (" ", " ", " ", ", ", "-", "\n", " 👍🏽 ", "。")
SENT, SEARCHES, PEERS = 240, 160, 40
# Letters that follow each other in scripts without spaces.
DENSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]+|👍|"
    r"[^\W_\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
    r"[\p{L}\p{N}\p{M}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]]*",
    regex.VERSION1,
)
IS_DENSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]", regex.VERSION1
)


class Query(NamedTuple):
    """Words of a search, each with what it looks for: (text, in quotes, excluded)."""

    parts: tuple[tuple[str, bool, bool], ...]

    @property
    def text(self) -> str:
        """The query as somebody types it."""
        return " ".join(
            ("-" if is_excluded else "") + (f'"{text}"' if is_quoted else text)
            for text, is_quoted, is_excluded in self.parts
        )

    def fits(self, content: str) -> bool:
        """Look at the words of a message one by one."""
        return all(
            _has(content, text, is_quoted=is_quoted) is not is_excluded
            for text, is_quoted, is_excluded in self.parts
        )


def runs(text: str) -> list[str]:
    return DENSE.findall(fold(text))


def _has(content: str, text: str, *, is_quoted: bool) -> bool:
    words = runs(content)
    wanted = runs(text)
    if is_quoted:
        if any(IS_DENSE.match(one) for one in wanted):
            [only] = wanted
            return any(only in word for word in words)
        places = range(len(words) - len(wanted) + 1)
        return any(words[at : at + len(wanted)] == wanted for at in places)
    return all(any(_fits(word, one) for word in words) for one in wanted)


def _fits(word: str, wanted: str) -> bool:
    if IS_DENSE.match(wanted):
        return wanted in word
    least = 2 if all("HANGUL" in unicodedata.name(letter) for letter in wanted) else 3
    return word.startswith(wanted) if len(wanted) >= least else word == wanted


def made_up(chance: random.Random) -> str:
    """Return a message: words of one or two scripts."""
    words: list[str] = []
    for script in chance.sample(SCRIPTS, chance.choice((1, 1, 2))):
        some = script.split()
        start = chance.randrange(len(some))
        words += some[start : start + chance.randint(1, 5)]
        if len(some) == 1:  # without spaces: a piece
            start = chance.randrange(len(script) - 4)
            words[-1] = script[start : start + chance.randint(1, 12)]
    text = words[0]
    for word in words[1:]:
        text += chance.choice(JOINTS) + (word.upper() if chance.random() < 0.1 else word)
    return unicodedata.normalize(chance.choice(("NFC", "NFC", "NFD")), text)


def asked(chance: random.Random, contents: list[str]) -> Query:
    """Return a query of parts of what was written."""
    parts: list[tuple[str, bool, bool]] = []
    for number in range(chance.choice((1, 1, 1, 2, 2, 3))):
        words = runs(chance.choice(contents))
        start = chance.randrange(len(words))
        is_quoted = chance.random() < 0.25
        some = words[start : start + (chance.randint(1, 3) if is_quoted else 1)]
        if any(IS_DENSE.match(word) for word in some):
            at = chance.randrange(len(some[0]))
            some = [some[0][at : at + chance.randint(1, 4)]]
        elif not is_quoted and chance.random() < 0.5:
            some = [some[0][: chance.randint(1, 5)]]
        parts.append((" ".join(some), is_quoted, number > 0 and chance.random() < 0.3))
    return Query(tuple(parts))


async def written(node: Node, people: list[UUID], chance: random.Random) -> list[Message]:
    """Write messages in direct conversations and one group, edit and delete some of them."""
    alice, bob, carol = people
    pairs = [(alice, bob), (bob, alice), (alice, carol), (carol, alice)]
    sent = [
        (await node.messages.send(to_user(*chance.choice(pairs), made_up(chance)))).message
        for _ in range(8)
    ]
    direct = sorted({message.conversation_id for message in sent})
    members = {message.conversation_id: message.sender_id for message in sent}

    async def send() -> Message:
        conversation_id = chance.choice(direct)
        message = to_conversation(members[conversation_id], conversation_id, made_up(chance))
        return (await node.messages.send(message)).message

    for _ in range(SENT // 30):
        sent += await asyncio.gather(*(send() for _ in range(30)))
    for number in range(0, len(sent), 9):
        sent[number] = await node.messages.edit(
            actor_id=sent[number].sender_id,
            message_id=sent[number].id,
            content=made_up(chance),
        )
    for number in range(4, len(sent), 13):
        sent[number] = await node.messages.delete(
            actor_id=sent[number].sender_id, message_id=sent[number].id
        )
    return [message for message in sent if message.deleted_at is None]


async def test_searches_find_what_a_look_at_every_message_finds(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(14)  # noqa: S311  # texts, not secrets
    async with open_node(storage) as node:
        people = [await new_user(node) for _ in range(3)]
        messages = await written(node, people, chance)
        await until_indexed(node, one=people[0], other=people[1])
        # Those of the conversation that Bob is in.
        bobs = {
            one.conversation_id for one in messages if people[1] in (one.sender_id, one.receiver_id)
        }
        contents = [message.content for message in messages]
        hits = 0
        for _ in range(SEARCHES):
            # All ways on which the embedded index finds with many conversations and messages.
            monkeypatch.setattr(store, "FEW_ROOMS", chance.choice((0, 16)))
            monkeypatch.setattr(store, "NEWEST", chance.choice((1, 5, 1_000)))
            monkeypatch.setattr(store, "SPARSE", chance.choice((0, 25)))
            monkeypatch.setattr(store, "MAX_ROOMS", chance.choice((0, 3_000)))
            query = asked(chance, contents)
            fitting = {one.id for one in messages if query.fits(one.content)}
            found = await all_found(node, people[0], query.text, limit=chance.choice((7, 100)))
            assert {one.message.id for one in found} == fitting, query.text
            assert len(found) == len(fitting), query.text
            by_bob = await all_found(node, people[1], query.text)
            assert {one.message.id for one in by_bob} == {
                one.id for one in messages if one.id in fitting and one.conversation_id in bobs
            }, query.text
            for conversation_id in {one.conversation.id for one in found}:
                places = [
                    one.message.seq for one in found if one.conversation.id == conversation_id
                ]
                assert places == sorted(places, reverse=True), query.text
            hits += len(found)
        assert hits > SEARCHES


async def test_names_of_a_peer_find_the_direct_conversation(storage: Storage) -> None:
    chance = random.Random(5)  # noqa: S311  # names, not secrets
    async with open_node(storage) as node:
        viewer = await new_user(node)
        names = [made_up(chance).replace("\n", " ")[:40].strip() for _ in range(PEERS)]
        peers = [await new_user(node, name) for name in names]
        named: dict[UUID, tuple[str, ...]] = {}
        for number, (peer, name) in enumerate(zip(peers, names, strict=True)):
            # Who wrote makes no difference.
            pair = (viewer, peer) if number % 2 else (peer, viewer)
            sent = (await node.messages.send(to_user(*pair, "hello"))).message
            named[sent.id] = (name, await username_of(node, peer))
        await until_indexed(node, one=viewer, other=await new_user(node, "nobody"))
        hits = 0
        for _ in range(SEARCHES):
            words = runs(chance.choice(chance.choice([*named.values()])))
            start = chance.randrange(len(words))
            some = words[start : start + chance.randint(1, 3)]
            if any(IS_DENSE.match(word) for word in some):
                at = chance.randrange(len(some[0]))
                some = [some[0][at : at + chance.randint(1, 4)]]
            value = " ".join(some)
            fitting = {
                identifier
                for identifier, both in named.items()
                if any(_has(name, value, is_quoted=True) for name in both)
            }
            found = await all_found(node, viewer, f'hello in:"{value}"')
            assert {one.message.id for one in found} == fitting, value
            others = await all_found(node, viewer, f'hello -in:"{value}"')
            assert {one.message.id for one in others} == named.keys() - fitting, value
            hits += len(found)
        assert hits > SEARCHES / 2


async def username_of(node: Node, user_id: UUID) -> str:
    async with node.database.reading() as session:
        user = await session.get(User, user_id)
    assert user is not None
    return user.username
