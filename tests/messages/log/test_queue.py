"""Queue of the log writer: order by conversation, and no conversation twice under way."""

from collections import defaultdict

import hypothesis.strategies as st
from hypothesis import given, settings

from chat_app.messages.log.queue import KeyedQueue, Taken

KEYS = st.one_of(st.none(), st.integers(0, 3))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), KEYS),
        st.tuples(st.just("take"), st.integers(1, 4)),
        st.tuples(st.just("release"), st.integers(0, 3)),
    ),
    max_size=60,
)


def test_items_of_a_busy_key_wait_for_its_release() -> None:
    queue = KeyedQueue[str]()
    for key, item in (("a", "a1"), ("b", "b1"), ("a", "a2")):
        queue.append(key, item)
    first = queue.take(10)
    assert first == Taken(["a1", "a2", "b1"], frozenset({"a", "b"}))
    queue.append("a", "a3")
    queue.append("c", "c1")
    assert queue.take(10) == Taken(["c1"], frozenset({"c"}))
    assert queue.take(10) is None
    assert first is not None
    queue.release(first)
    assert queue.take(10) == Taken(["a3"], frozenset({"a"}))


def test_items_without_a_key_are_under_way_alone_and_in_turn() -> None:
    queue = KeyedQueue[str]()
    queue.append("a", "a1")
    first = queue.take(10)
    queue.append(None, "any")
    queue.append("b", "b1")
    second = queue.take(10)
    assert first is not None
    assert second == Taken(["b1"], frozenset({"b"}))
    queue.append("c", "c1")
    for one in (first, second):
        assert queue.take(10) is None
        queue.release(one)
    alone = queue.take(10)
    assert alone == Taken(["any"], frozenset())
    queue.append(None, "another")
    assert queue.take(10) is None
    queue.release(alone)
    assert queue.take(10) == Taken(["c1"], frozenset({"c"}))


@settings(max_examples=300)
@given(STEPS)
def test_every_item_is_taken_once_in_the_order_of_its_key(
    steps: list[tuple[str, int | None]],
) -> None:
    queue = KeyedQueue[tuple[int | None, int]]()
    appended: defaultdict[int | None, list[int]] = defaultdict(list)
    taken: defaultdict[int | None, list[int]] = defaultdict(list)
    under_way: list[Taken[tuple[int | None, int]]] = []

    def take(limit: int) -> None:
        some = queue.take(limit)
        if some is None:
            return
        assert 1 <= len(some.items) <= limit
        assert all(some.keys.isdisjoint(other.keys) for other in under_way)
        assert not under_way or (some.keys and all(other.keys for other in under_way))
        assert {key for key, _ in some.items} == (some.keys or {None})
        for key, number in some.items:
            taken[key].append(number)
        under_way.append(some)

    for number, (step, value) in enumerate(steps):
        if step == "append":
            queue.append(value, (value, number))
            appended[value].append(number)
        elif step == "take":
            take(value or 1)
        elif under_way:
            queue.release(under_way.pop((value or 0) % len(under_way)))
        assert len(queue) == sum(map(len, appended.values())) - sum(map(len, taken.values()))
    while queue or under_way:
        while under_way:
            queue.release(under_way.pop())
        take(100)

    assert taken == appended


def test_all_items_that_wait_may_be_drained() -> None:
    queue = KeyedQueue[str]()
    for key, item in (("a", "a1"), (None, "any"), ("b", "b1")):
        queue.append(key, item)
    assert sorted(queue.drain()) == ["a1", "any", "b1"]
    assert len(queue) == 0
    assert queue.take(10) is None
