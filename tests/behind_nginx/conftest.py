"""Nodes behind nginx, over TLS: the clients trust the certificate made for the test."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.harness.chats import Farm, Storage, launch
from tests.harness.cluster import WIDE_LIMITS, Cluster

# Two are enough to see one chat made of several; `make test-all` starts three.
NODES = int(os.environ.get("TRUST_NODES", "2"))


@pytest.fixture(scope="session")
def shared_cluster(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start the nodes that the tests share."""
    folder = tmp_path_factory.mktemp("cluster")
    cluster = start_cluster(farm, folder)
    try:
        yield cluster
    finally:
        statuses = cluster.stop()
    assert statuses == [0] * NODES


@pytest.fixture
def cluster(shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Yield the nodes behind nginx; every client trusts its certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(shared_cluster.nginx.certificate))
    return shared_cluster


def start_cluster(farm: Farm, folder: Path) -> Cluster:
    """Start the nodes over a fresh database and Redis."""
    redis = farm.new_redis()
    storage = Storage("postgres+redis", farm.postgres.new_chat_database(), redis.url, folder)
    settings = {**WIDE_LIMITS, "CHAT_PRESENCE_GRACE_SECONDS": "1"}
    return Cluster(folder / "nginx", partial(launch, storage), count=NODES, settings=settings)
