"""Requests that name their user: one with the session of somebody else does nothing."""

import pytest

from tests.harness.cases import case
from tests.harness.clients import Person, as_json, assert_problem

NOT_ALICE = ["", "alice", "01930000-0000-7000-8000-000000000000"]


@pytest.mark.parametrize("door", ["cookie", "token"])
async def test_a_request_that_expects_another_user_does_nothing(
    alice: Person, bob: Person, door: str
) -> None:
    conversation = await alice.opened(bob)
    token = {"Authorization": f"Bearer {alice.access_token}"}
    async with alice.browser() as client:
        client.headers.update(token if door == "token" else {})
        for expected in (bob.id, *NOT_ALICE):
            headers = {"X-Chat-User": expected}
            with case(expected):
                for method, path, body in [
                    ("GET", "/api/auth/me", None),
                    ("GET", "/api/conversations", None),
                    ("POST", "/api/messages", {"receiver_id": bob.id, "content": "not mine"}),
                    ("PATCH", "/api/users/me", {"bio": "not mine"}),
                    ("DELETE", f"/api/friends/{bob.id}", None),
                    ("POST", "/api/auth/logout", None),
                ]:
                    reply = await client.request(method, path, json=body, headers=headers)

                    assert_problem(reply, 409, "other_account")

        assert as_json(await client.get("/api/auth/me"))["bio"] == ""
        assert (await alice.history(conversation["id"]))["items"] == []


async def test_a_request_that_expects_its_own_user_is_served(alice: Person, bob: Person) -> None:
    async with alice.browser() as page:
        for expected in (alice.id, alice.id.upper()):
            page.headers["X-Chat-User"] = expected
            with case(expected):
                body = {"receiver_id": bob.id, "content": "mine"}

                assert (await page.get("/api/auth/me")).status_code == 200
                assert (await page.post("/api/messages", json=body)).status_code == 201


async def test_a_request_that_names_two_users_is_refused(alice: Person, bob: Person) -> None:
    headers = [("X-Chat-User", alice.id), ("X-Chat-User", bob.id)]

    assert_problem(await alice.http.get("/api/auth/me", headers=headers), 409, "other_account")


async def test_a_request_without_a_session_needs_to_sign_in_whomever_it_expects(
    alice: Person,
) -> None:
    async with alice.browser() as page:
        await page.post("/api/auth/logout")
        reply = await page.get("/api/auth/me", headers={"X-Chat-User": alice.id})

    assert_problem(reply, 401, "not_authenticated")


async def test_a_cross_site_request_is_refused_as_such_whomever_it_expects(
    alice: Person, bob: Person
) -> None:
    async with alice.browser(origin="https://evil.example") as page:
        reply = await page.post("/api/auth/logout", headers={"X-Chat-User": bob.id})

    assert_problem(reply, 403, "cross_site")
