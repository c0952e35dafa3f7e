"""Hooks of Schemathesis: signed-in people, ids of what is there, and what a schema cannot say.

Loaded by `schemathesis.toml`; CHAT_URL is the running chat.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import schemathesis
from hypothesis import strategies
from schemathesis import AuthContext, Case, GenerationMode, HookContext

from tests.harness.clients import OWNER, PATIENCE_S
from tests.harness.files import BODY, TUS, picture
from tests.harness.portraits import upload
from tests.harness.push import Browser

PASSWORD = "correct horse battery"

Json = dict[str, Any]
AnyCase = Case[Any]

# A time that is still to come, and not in more than a year.
LATER = (datetime.now(UTC) + timedelta(days=100)).isoformat()
# Each case has an account of its own: a success ends the session or changes the password.
ENDING = {
    "DELETE /api/auth/me",
    "DELETE /api/auth/sessions/{session_id}",
    "POST /api/auth/logout",
    "POST /api/auth/password",
}
# Each case is about a person of its own: a success signs them out, disables or deletes them.
ENDING_OF_OTHERS = {
    "DELETE /api/admin/users/{user_id}",
    "DELETE /api/admin/users/{user_id}/sessions",
    "PATCH /api/admin/users/{user_id}",
}


class World(NamedTuple):
    """One account, and ids of what it may use."""

    token: str
    username: str
    session_id: str
    friend_id: str
    conversation_id: str
    message_id: str
    # From the friend.
    received_id: str
    group_id: str
    invite: str
    invite_id: str
    scheduled_id: str
    file_id: str
    avatar: str


# What of a conversation is about groups.
OF_GROUPS = ("/members", "/invites", "/join", "/avatar")


def _client(token: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=os.environ["CHAT_URL"], headers=headers, timeout=90)


def _register() -> tuple[Json, str]:
    """Register somebody and return their user and token."""
    body = {"username": f"f{uuid4().hex[:20]}", "password": PASSWORD}
    with _client() as client:
        reply = client.post("/api/auth/register", json=body).raise_for_status().json()
    return reply["user"], reply["access_token"]


def new_world(*, are_friends: bool) -> World:
    """Create an account, a friend or a friend request to it, a conversation and a group."""
    friend, friend_token = _register()
    own, token = _register()
    with _client(friend_token) as client:
        client.post("/api/friends/request", json={"user_id": own["id"]}).raise_for_status()
        sent = client.post("/api/messages", json={"receiver_id": own["id"], "content": "Hello"})
        received = sent.raise_for_status().json()
    with _client(token) as client:
        if are_friends:
            client.post("/api/friends/accept", json={"user_id": friend["id"]}).raise_for_status()
        sent = client.post("/api/messages", json={"receiver_id": friend["id"], "content": "Hello"})
        message = sent.raise_for_status().json()
        group = {"kind": "group", "title": "Group", "member_ids": [friend["id"]]}
        made = client.post("/api/conversations", json=group).raise_for_status().json()
        path = f"/api/conversations/{made['id']}/invites"
        invite = client.post(path, json={}).raise_for_status().json()
        later = {
            "receiver_id": friend["id"],
            "content": "Later",
            "client_id": "later",
            "send_at": LATER,
        }
        scheduled = client.post("/api/scheduled", json=later).raise_for_status().json()
        file_id = upload(client, picture())
        face = {"file_id": upload(client, picture())}
        shown = client.put("/api/users/me/avatar", json=face).raise_for_status().json()
        sessions = client.get("/api/auth/sessions").raise_for_status().json()["items"]
    return World(
        token=token,
        username=own["username"],
        session_id=sessions[0]["id"],
        friend_id=friend["id"],
        conversation_id=message["conversation_id"],
        message_id=message["id"],
        received_id=received["id"],
        group_id=made["id"],
        invite=invite["token"],
        invite_id=invite["id"],
        scheduled_id=scheduled["id"],
        file_id=file_id,
        avatar=shown["avatar_url"].rpartition("/")[2],
    )


@cache
def owner_token() -> str:
    """Return the token of the chat's admin."""
    body = {"username": OWNER, "password": PASSWORD}
    with _client() as client:
        reply = client.post("/api/auth/login", json=body).raise_for_status()
    return str(reply.json()["access_token"])


def _new_invite() -> str:
    with _client(owner_token()) as client:
        return str(client.post("/api/admin/invites", json={}).raise_for_status().json()["id"])


def _new_report(there: World) -> str:
    with _client(there.token) as client:
        path = f"/api/users/{there.friend_id}/report"
        reply = client.post(path, json={"reason": "Spam"}).raise_for_status()
    return str(reply.json()["id"])


@cache
def _new_backup() -> str:
    """Return the name of a whole backup."""
    with _client(owner_token()) as client:
        client.post("/api/admin/backups")  # unless another case has begun one
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            items = client.get("/api/admin/backups").raise_for_status().json()["items"]
            if whole := [one["name"] for one in items if one["state"] == "ready"]:
                return str(whole[0])
            time.sleep(0.2)
    raise TimeoutError


def _new_reset_token(there: World) -> str:
    with _client(owner_token()) as client:
        path = f"/api/admin/users/{there.friend_id}/reset"
        url: str = client.post(path).raise_for_status().json()["url"]
    return url.rpartition("/")[2]


def _begin_upload(token: str) -> str:
    """Announce an upload and return its id."""
    with _client(token) as client:
        headers = {**TUS, "Upload-Length": "1000000"}
        reply = client.post("/api/uploads", headers=headers).raise_for_status()
    return str(reply.headers["location"].rpartition("/")[2])


def _subscription() -> Json:
    # A public address, to which nothing is sent.
    name = uuid4().hex
    return Browser(name, f"https://93.184.216.34/{name}").subscription


def _subscribe(token: str) -> str:
    """Store a subscription and return its id."""
    with _client(token) as client:
        reply = client.put("/api/push/subscriptions", json=_subscription()).raise_for_status()
    return str(reply.json()["id"])


@cache
def world(operation: str) -> World:
    """Return the account of the cases of one operation."""
    return new_world(are_friends=operation == "DELETE /api/friends/{user_id}")


BODY_TYPE = BODY["Content-Type"]
schemathesis.openapi.media_type(BODY_TYPE, strategies.binary(max_size=1_000))


@schemathesis.serializer(BODY_TYPE)
def bytes_as_they_are(context: object, value: object) -> bytes:
    """Return the body of an upload."""
    del context
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.auth(cache_by_key=lambda case, _: case.operation.label)
class SignedIn:
    """The token of the operation's account."""

    def get(self, case: AnyCase, context: AuthContext) -> str:
        """Return the token."""
        del context
        if "/api/admin" in case.operation.path:
            return owner_token()
        return world(case.operation.label).token

    def set(self, case: AnyCase, data: str, context: AuthContext) -> None:
        """Send the token."""
        del context
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:
    """Make a valid request one that can succeed: ids of what is there, the right password."""
    del context, kwargs
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    label = case.operation.label
    there = world(label)
    if label in ENDING:
        there = new_world(are_friends=False)
        case.headers["Authorization"] = f"Bearer {there.token}"
    ids = {
        "user_id": there.friend_id,
        "receiver_id": there.friend_id,
        "session_id": there.session_id,
        "conversation_id": there.group_id if _is_about_group(case) else there.conversation_id,
        "id": _id_for(label, there),
        "hash": there.avatar,
        "emoji": "👍",
        "reply_to": there.message_id,
        "forward_of": there.message_id,
        "token": there.invite_id if case.method == "DELETE" else there.invite,
        "invite_id": _new_invite() if label == "DELETE /api/admin/invites/{invite_id}" else "",
        "name": _new_backup() if "/api/admin/backups/{name}" in label else "",
        "report_id": _new_report(there) if "/api/admin/reports/{report_id}" in label else "",
    }
    if label in ENDING_OF_OTHERS:
        ids["user_id"] = str(_register()[0]["id"])
    elif label == "POST /api/messages/{id}/report":
        ids["id"] = there.received_id
    for name in case.path_parameters or ():
        case.path_parameters[name] = ids[name]
    if case.query:
        _correct_query(case.query)
    if "/api/uploads" in label:
        _correct_upload(case)
    elif "/api/files" in label or "/api/avatars" in label:
        case.headers.pop("Range", None)  # it may begin behind the end
    if isinstance(case.body, dict):
        _correct(case.operation.label, case.body, ids, there)
        _correct_push(case.body)


def _id_for(label: str, there: World) -> str:
    if label in {"PATCH /api/uploads/{id}", "DELETE /api/uploads/{id}"}:
        return _begin_upload(there.token)
    if "/api/uploads" in label or "/api/files" in label:
        return there.file_id
    if "/api/push" in label:
        return _subscribe(there.token)
    if label == "GET /api/messages/{id}":
        return there.friend_id
    return there.scheduled_id if "/api/scheduled" in label else there.message_id


def _correct_upload(case: AnyCase) -> None:
    # They depend on each other, and on what is there.
    wanted = {"Tus-Resumable": "1.0.0", "Upload-Length": "1000000", "Upload-Offset": "0"}
    for name in wanted.keys() & case.headers.keys():
        case.headers[name] = wanted[name]
    for name in ("Upload-Metadata", "Upload-Checksum"):
        case.headers.pop(name, None)


def _correct_query(query: dict[str, Any]) -> None:
    # These exclude each other.
    for place in [name for name in ("before", "after", "around", "at") if name in query][1:]:
        del query[place]
    if "emoji" in query:
        query["emoji"] = "👍"


def _is_about_group(case: AnyCase) -> bool:
    is_change = case.operation.label.removeprefix("PATCH ").removeprefix("DELETE ") == (
        "/api/conversations/{conversation_id}"
    )
    return is_change or any(part in case.operation.path for part in OF_GROUPS)


def _correct_push(body: Json) -> None:
    # No schema says what is a point of a curve, or which addresses are public.
    if "endpoint" in body:
        body.update(_subscription())
    if isinstance(body.get("quiet_hours"), dict):
        body["quiet_hours"] |= {"from": "22:00", "to": "07:00"}  # they must differ


def _correct(operation: str, body: Json, ids: dict[str, str], there: World) -> None:
    for name in body.keys() & ids.keys():
        body[name] = body[name] and ids[name]
    for name in ("display_name", "content", "title", "reason"):
        if isinstance(body.get(name), str) and not body[name].strip():
            body[name] = "x" * max(1, len(body[name]))
    if body.get("file_ids"):
        with _client(there.token) as client:
            body["file_ids"] = [upload(client, picture())]
    if "file_id" in body:
        with _client(there.token) as client:
            body["file_id"] = upload(client, picture())
    for name in body.keys() & {"user_ids", "member_ids"}:
        body[name] = [there.friend_id]
    for name in body.keys() & {"send_at", "at"}:
        body[name] = LATER  # another time may be over
    if "base" in body:
        body["content"] = ""  # another draft may be there
    if isinstance(body.get("muted_until"), str):
        body["muted_until"] = "forever"  # another time may be over
    _correct_account(operation, body, there)


def _correct_account(operation: str, body: Json, there: World) -> None:
    if operation == "POST /api/auth/register":
        body["password"] = _of_many_characters(body["password"])
    elif operation == "POST /api/auth/reset":
        body["new_password"] = _of_many_characters(body["new_password"])
        body["token"] = _new_reset_token(there)
    elif operation == "POST /api/auth/password":
        body["new_password"] = _of_many_characters(body["new_password"])
        body["current_password"] = PASSWORD
    elif operation == "POST /api/auth/login":
        body |= {"username": there.username, "password": PASSWORD}
    elif operation == "DELETE /api/auth/me":
        body["password"] = PASSWORD
    elif operation.endswith("/unread"):
        body["seq"] = 1


def _of_many_characters(password: str) -> str:
    """Return a password of the same length that is not refused for its few characters."""
    return ("k3Q-zW9" * len(password))[: len(password)]
