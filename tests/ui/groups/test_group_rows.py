"""Rows of groups: what a reader may do with each member, and sentences about people."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from chat_app.conversations.groups.schemas import GroupMember
from chat_app.conversations.invites.schemas import Invite
from chat_app.realtime.shapes import Person, Role, UserCard
from chat_app.ui.groups.rows import invite_row, member_rows, members, refusal, refused_of
from tests.harness.texts import in_english

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ME = uuid4()


def card(name: str, user_id: UUID | None = None) -> UserCard:
    return UserCard(
        id=user_id or uuid4(),
        username=name.lower(),
        display_name=name,
        avatar_url=None,
        status_text="",
        online=None,
        last_seen_at=None,
        friendship="none",
    )


def rights(own: Role, other: Role) -> tuple[str, bool, bool]:
    """Return what a member with one role may do with another member."""
    found = [
        GroupMember(user=card("Me", ME), role=own, joined_at=NOW),
        GroupMember(user=card("Other"), role=other, joined_at=NOW),
    ]
    rows = member_rows(found, viewer_id=ME, viewer_role=own)
    assert [row["order"] for row in rows] == [1, 2]
    # Nobody does anything with themselves in the list.
    assert (rows[0]["promotion"], rows[0]["demotable"], rows[0]["removable"]) == ("", False, False)
    return rows[1]["promotion"], rows[1]["demotable"], rows[1]["removable"]


def test_an_owner_changes_every_other_member() -> None:
    assert rights("owner", "member") == ("admin", False, True)
    assert rights("owner", "admin") == ("owner", True, True)
    assert rights("owner", "owner") == ("", True, True)


def test_an_admin_removes_all_but_owners_and_gives_no_role() -> None:
    assert rights("admin", "member") == ("", False, True)
    assert rights("admin", "admin") == ("", False, True)
    assert rights("admin", "owner") == ("", False, False)


def test_a_member_changes_nobody() -> None:
    for other in ("owner", "admin", "member"):
        assert rights("member", other) == ("", False, False), other


def test_an_error_names_people_by_their_places() -> None:
    chosen = [card(name) for name in ("Ann", "Bea", "Carl")]

    assert refused_of({"title": "Too long."}, chosen) == []
    assert refused_of({"member_ids.2": "", "member_ids.0": ""}, chosen) == [chosen[0], chosen[2]]
    assert refused_of({"user_ids.1": "", "user_ids.7": "", "user_ids": ""}, chosen) == [chosen[1]]
    assert in_english(refusal(chosen[:1])) == "Ann cannot be added by you."
    assert in_english(refusal(chosen)) == "Ann, Bea and Carl cannot be added by you."


def test_a_number_of_members_and_of_uses_is_a_phrase() -> None:
    def uses(used: int, most: int | None) -> str:
        invite = Invite(
            id=uuid4(),
            created_by=Person(id=ME, username="me", display_name="Me"),
            created_at=NOW,
            expires_at=NOW,
            uses=used,
            max_uses=most,
        )
        return in_english(invite_row(invite)["uses"])

    assert [in_english(members(count)) for count in (1, 5_000)] == ["1 member", "5,000 members"]
    assert [uses(0, None), uses(1, None)] == ["Used 0 times", "Used 1 time"]
    assert [uses(0, 1), uses(1, 10)] == ["Used 0 of 1 time", "Used 1 of 10 times"]
