"""Start and stop an API server before others are forked: their starts cost a third then.

What is the same for every start is done then: late imports, mapping classes to tables, compiling
statements and the models of handlers. Importing this does it.
"""

import asyncio
import gc
import logging
import tempfile
import threading
from importlib import import_module
from secrets import token_urlsafe

import structlog

from chat_app.api.app import create_api
from chat_app.core.settings import Settings

# What uvicorn, and a server on the other pair, import when they start.
LATE = ("asyncpg", "litestar._kwargs", "uvicorn.lifespan.on", "uvicorn.loops.auto")


async def _start_and_stop(settings: Settings) -> None:
    async with create_api(settings).lifespan():
        pass


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(
        _start_and_stop(
            Settings.model_validate({"data_dir": folder, "secret_key": token_urlsafe(48)})
        )
    )
# A fork has none of the threads, which may still be ending.
for thread in {*threading.enumerate()} - {threading.main_thread()}:
    thread.join()
for module in LATE:
    import_module(module)
gc.collect()
# Collecting in a fork leaves these objects alone, and so their memory stays shared.
gc.freeze()
