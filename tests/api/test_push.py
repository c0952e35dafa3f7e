"""`/api/push`, and the settings of push in `/api/users/me`."""

import pytest

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import (
    PASSWORD,
    Json,
    Person,
    assert_invalid,
    assert_problem,
    http_client,
    log_in,
)
from tests.harness.push import Browser

# A public address; nothing is sent there.
ENDPOINT = "https://93.184.216.34/push/"
PATH = "/api/push/subscriptions"


def subscription(name: str = "one") -> Json:
    return Browser(name, ENDPOINT + name).subscription


async def test_a_browser_subscribes_with_the_key_of_the_chat(new_person: NewPerson) -> None:
    mira = await new_person()
    key = (await mira.http.get("/api/push/key")).json()["public_key"]
    body = subscription()

    first = await mira.http.put(PATH, json=body)
    again = await mira.http.put(PATH, json=body)

    assert len(key) == 87
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    gone = f"{PATH}/{first.json()['id']}"
    assert (await mira.http.delete(gone)).status_code == 204
    assert_problem(await mira.http.delete(gone), 404, "subscription_not_found")


async def test_a_subscription_is_of_the_session_that_was_last(new_person: NewPerson) -> None:
    mira, tomas = await new_person(), await new_person()
    body = subscription("shared")
    first = (await mira.http.put(PATH, json=body)).json()["id"]

    second = await tomas.http.put(PATH, json=body)

    assert second.status_code == 201
    assert_problem(await mira.http.delete(f"{PATH}/{first}"), 404)
    assert_problem(await mira.http.delete(f"{PATH}/{second.json()['id']}"), 404)


async def test_a_subscription_ends_with_the_session(new_person: NewPerson) -> None:
    mira = await new_person()
    other = await log_in(mira.url, mira)
    made = (await other.http.put(PATH, json=subscription("ended"))).json()["id"]

    await other.http.post("/api/auth/logout")

    assert_problem(await mira.http.delete(f"{PATH}/{made}"), 404)


async def test_a_subscription_ends_when_its_browser_signs_in_somebody_else(
    new_person: NewPerson,
) -> None:
    mira, tomas = await new_person(), await new_person()
    other = await log_in(mira.url, mira)
    made = (await other.http.put(PATH, json=subscription("replaced"))).json()["id"]
    for person, left in ((mira, 204), (tomas, 404)):
        body = {"username": person.username, "password": PASSWORD}
        async with http_client(mira.url, headers={"Cookie": other.cookie}) as browser:
            assert (await browser.post("/api/auth/login", json=body)).status_code == 200
        with case(person.username):
            assert (await mira.http.delete(f"{PATH}/{made}")).status_code == left
        if left == 204:
            made = (await other.http.put(PATH, json=subscription("replaced"))).json()["id"]
    # The session itself is the account's to end.
    assert (await other.http.get("/api/auth/me")).status_code == 200


async def test_an_endpoint_that_is_not_public_is_refused(new_person: NewPerson) -> None:
    mira = await new_person()
    for endpoint in (
        "http://93.184.216.34/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest",
        "https://localhost/x",
        "https://93.184.216.34:8443/x",
    ):
        with case(endpoint):
            reply = await mira.http.put(PATH, json=subscription() | {"endpoint": endpoint})
            body = assert_problem(reply, 422, "endpoint_refused")
            assert [one["field"] for one in body["errors"]] == ["endpoint"]


@pytest.mark.parametrize(
    ("keys", "fields"),
    [
        ({"p256dh": "AAAA"}, ["keys.p256dh"]),
        ({"p256dh": "*"}, ["keys.p256dh"]),
        ({"auth": "AAAA"}, ["keys.auth"]),
        ({"auth": 1}, ["keys.auth"]),
        ({"other": "AAAA"}, ["keys.other"]),
    ],
)
async def test_wrong_keys_are_refused(new_person: NewPerson, keys: Json, fields: list[str]) -> None:
    mira = await new_person()
    body = subscription()

    reply = await mira.http.put(PATH, json=body | {"keys": body["keys"] | keys})

    assert_invalid(reply, *fields)


async def test_push_needs_a_session(new_person: NewPerson) -> None:
    mira = await new_person()
    mira.http.headers.pop("authorization")

    assert_problem(await mira.http.get("/api/push/key"), 401)
    assert_problem(await mira.http.put(PATH, json=subscription()), 401)


HOURS = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"}


async def change(person: Person, **fields: object) -> Json:
    reply = await person.http.patch("/api/users/me", json=fields)
    assert reply.status_code == 200, reply.text
    me: Json = (await person.http.get("/api/auth/me")).json()
    assert reply.json() == me
    return me


async def test_the_settings_of_push_are_kept(new_person: NewPerson) -> None:
    mira = await new_person()
    assert (mira.user["push_preview"], mira.user["quiet_hours"]) == (False, None)

    assert (await change(mira, push_preview=True, quiet_hours=HOURS))["quiet_hours"] == HOURS
    assert (await change(mira, bio="x"))["quiet_hours"] == HOURS
    me = await change(mira, quiet_hours=None)

    assert (me["push_preview"], me["quiet_hours"]) == (True, None)


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        ({"from": "24:00"}, "quiet_hours.from"),
        ({"from": "7:00"}, "quiet_hours.from"),
        ({"to": "22:00"}, "quiet_hours.to"),
        ({"to": None}, "quiet_hours.to"),
        ({"time_zone": "Nowhere/Known"}, "quiet_hours.time_zone"),
        ({"time_zone": "../etc/passwd"}, "quiet_hours.time_zone"),
        ({"until": "07:00"}, "quiet_hours.until"),
    ],
)
async def test_wrong_quiet_hours_are_refused(
    new_person: NewPerson, hours: Json, field: str
) -> None:
    mira = await new_person()

    reply = await mira.http.patch("/api/users/me", json={"quiet_hours": HOURS | hours})

    assert_invalid(reply, field)
