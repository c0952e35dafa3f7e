"""The search of a node: people with many namesakes, and pages that take long to fill."""

import pytest

from chat_app.search import queries, service
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_user
from tests.harness.searches import all_found, until_indexed


async def test_a_sender_with_many_namesakes_is_found(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_PEOPLE", 3)
    queries._people.cache_clear()
    async with open_node(storage) as node:
        for _ in range(5):
            await new_user(node, "Anna Unknown")
        alice, anna = await new_user(node, "Alice"), await new_user(node, "Maria Anna")
        await node.messages.send(to_user(anna, alice, "word by Anna"))
        await node.messages.send(to_user(alice, anna, "word by Alice"))
        await until_indexed(node, one=alice, other=anna)

        for operator, wanted in (("from:anna", "word by Anna"), ("-from:anna", "word by Alice")):
            found = await all_found(node, alice, f"word {operator}")
            assert [one.message.content for one in found] == [wanted], operator
    queries._people.cache_clear()


async def test_a_rare_phrase_of_frequent_words_is_found_on_a_later_page(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 10)
    monkeypatch.setattr(service, "AT_ONCE", 4)
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        for text in ("blue sky", *["sky of blue"] * 30):
            await node.messages.send(to_user(alice, bob, text))
        await until_indexed(node, one=alice, other=bob)

        first = await node.search.find(viewer_id=alice, text='"blue sky"', limit=2)
        found = await all_found(node, alice, '"blue sky"', limit=2)

    assert first.items == []
    assert first.next_before is not None
    assert [one.message.content for one in found] == ["blue sky"]


async def test_a_message_that_has_just_come_fits_a_search_that_finds_it_later(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node, "Alice Stone"), await new_user(node, "Bob Stone")
        eve = await new_user(node, "Eve Wood")
        messages = [
            (await node.messages.send(to_user(sender, alice, content))).message
            for sender, content in (
                (bob, "the blue sky https://example.org"),
                (eve, "a sky so blue"),
                (eve, "blue " * 1_000 + "sky"),
            )
        ]
        await until_indexed(node, one=alice, other=bob)
        direct = messages[0].conversation_id
        texts = [
            "sky",
            "SK",
            "blu sky",
            '"blue sky"',
            "sky -green",
            "sky -so",
            "from:bob",
            "sky from:stone",
            "sky -from:stone",
            "in:wood",
            "sky in:stone",
            "sky -in:stone",
            "has:link",
            "-has:link sky",
            "before:2020-01-01",
            "after:2020-01-01",
            "from:nobody",
            '"',
        ]
        fitted = 0
        for text in texts:
            for scope in (None, direct):
                page = await node.search.find(viewer_id=alice, text=text, conversation_id=scope)
                found = {one.message.id for one in page.items}
                for message in messages:
                    fits = await node.search.fits(
                        viewer_id=alice, text=text, message=message, conversation_id=scope
                    )
                    assert fits == (message.id in found), (text, scope, message.content[:20])
                    fitted += fits
        assert fitted > len(texts)
