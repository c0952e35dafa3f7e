"""The Litestar application: controllers, error handlers, documents, and the node's lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.plugins.pydantic import PydanticPlugin

from chat_app.api.accounts import AuthController, OwnAccountController, UsersController
from chat_app.api.admin import AdminController
from chat_app.api.auth import move_earlier_cookie
from chat_app.api.avatars import AvatarsController
from chat_app.api.backups import BackupsController
from chat_app.api.conversations import ConversationsController
from chat_app.api.dependencies import DEPENDENCIES
from chat_app.api.documents import asyncapi_document, openapi_document, reference_page
from chat_app.api.errors import on_app_error, on_broken_json, on_failure, on_http_error
from chat_app.api.files import FilesController
from chat_app.api.frame_intake import SocketMetrics
from chat_app.api.friends import BlocksController, FriendsController
from chat_app.api.groups import ChannelsController, GroupsController, InvitesController
from chat_app.api.health import HealthController
from chat_app.api.messages import MessagesController, SavedController
from chat_app.api.metrics import metrics as metrics_page
from chat_app.api.openapi import API_VERSION
from chat_app.api.options import answer_options
from chat_app.api.push import PushController
from chat_app.api.scheduled import RemindersController, ScheduledController
from chat_app.api.search import SearchController
from chat_app.api.socket import live_socket
from chat_app.api.uploads import UploadsController
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics
from chat_app.core.settings import Settings
from chat_app.core.traces import Traces
from chat_app.messages.log.writer import NO_FAILPOINTS, Failpoints
from chat_app.node.node import running_node


def create_api(
    settings: Settings,
    failpoints: Failpoints = NO_FAILPOINTS,
    metrics: Metrics | None = None,
    traces: Traces | None = None,
) -> Litestar:
    """Create the API. Its lifespan runs the node and sets `state.node`."""

    @asynccontextmanager
    async def life(app: Litestar) -> AsyncIterator[None]:
        async with running_node(settings, failpoints, metrics, traces) as node:
            app.state.node = node
            app.state.socket_metrics = SocketMetrics(node.metrics)
            node.metrics.gauges("chat_build_info", "What is running", "version", _build)
            yield

    return Litestar(
        route_handlers=[
            AuthController,
            OwnAccountController,
            UsersController,
            FriendsController,
            BlocksController,
            ConversationsController,
            GroupsController,
            InvitesController,
            ChannelsController,
            MessagesController,
            SavedController,
            ScheduledController,
            RemindersController,
            SearchController,
            UploadsController,
            FilesController,
            AvatarsController,
            AdminController,
            BackupsController,
            PushController,
            HealthController,
            metrics_page,
            openapi_document,
            asyncapi_document,
            reference_page,
            live_socket,
        ],
        dependencies=DEPENDENCIES,
        before_request=answer_options,
        before_send=[move_earlier_cookie],
        # Strict: a quoted number is refused. Ids are the exception, see core.input.
        plugins=[PydanticPlugin(validate_strict=True)],
        exception_handlers={
            AppError: on_app_error,
            HTTPException: on_http_error,
            RecursionError: on_broken_json,  # nested deeper than anyone needs
            UnicodeDecodeError: on_broken_json,  # msgspec's, for what is no UTF-8
            Exception: on_failure,
        },
        request_max_body_size=settings.max_body_bytes,
        lifespan=[life],
        logging_config=None,
        openapi_config=None,  # see openapi.py: Litestar describes neither errors nor all limits
    )


def _build() -> dict[str, float]:
    return {API_VERSION: 1.0}
