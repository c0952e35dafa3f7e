"""The compose file, as far as it can be checked without a container engine.

Its keys must be those of the Compose Specification; its values are compared with the files beside
it and the settings of the chat.
"""

import os
import pwd
import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from chat_app.core.settings import PREFIX, Settings
from tests.harness import programs
from tests.harness.nginx import Nginx
from tests.harness.servers import ROOT

DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
NODES = ("node1", "node2", "node3")
# Variables with a default, none secret; and those that may be empty, as if they were unset.
WITH_A_DEFAULT = {"CHAT_CERTIFICATES", "CHAT_VERSION"}
MAY_BE_EMPTY = {"CHAT_METRICS_TOKEN", "CHAT_OTEL_ENDPOINT", "CHAT_OTEL_CALLERS"}

FILE_KEYS = {"name", "services", "networks", "volumes"}
SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "environment",
    "healthcheck",
    "image",
    "networks",
    "ports",
    "read_only",
    "restart",
    "security_opt",
    "shm_size",
    "stop_grace_period",
    "tmpfs",
    "user",
    "volumes",
}
HEALTH_CHECK_KEYS = {"test", "interval", "timeout", "retries", "start_period", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
RESTARTS = re.compile(r"no|always|unless-stopped|on-failure(:\d+)?")
TIME = re.compile(r"\d+(ms|s|m|h)")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_only_keys_of_the_specification(name: str) -> None:
    service = SERVICES[name]

    assert set(service) <= SERVICE_KEYS
    assert RESTARTS.fullmatch(service["restart"])
    assert TIME.fullmatch(service.get("stop_grace_period", "10s"))
    check = service["healthcheck"]
    assert set(check) <= HEALTH_CHECK_KEYS
    assert check.get("disable") or check["test"][0] in ("CMD", "CMD-SHELL")
    for word in ("interval", "timeout", "start_period"):
        assert TIME.fullmatch(check.get(word, "1s"))
    for other, how in service.get("depends_on", {}).items():
        assert other in SERVICES
        assert how["condition"] in CONDITIONS


def test_the_file_has_only_keys_of_the_specification() -> None:
    assert set(COMPOSE) == FILE_KEYS


def test_networks_volumes_and_files_exist() -> None:
    for service in SERVICES.values():
        assert set(service.get("networks", ())) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", ()):
            source = volume.rsplit(":/", 1)[0]
            if not source.startswith((".", "$")):
                assert source in COMPOSE["volumes"]
    for file in ("nginx.conf", "compose/nginx.conf", "compose/nodes.conf", "Dockerfile"):
        assert (DEPLOY / file).is_file()
    assert (DEPLOY / SERVICES["node1"]["build"]["context"]).resolve() == ROOT


def test_the_file_has_every_service_of_a_chat() -> None:
    assert {"postgres", "redis", "migrate", "nginx", *NODES} == set(SERVICES)
    for name in NODES:
        before = SERVICES[name]["depends_on"]
        assert before["migrate"]["condition"] == "service_completed_successfully"
        assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["command"] == ["alembic", "upgrade", "head"]


def test_the_nodes_are_equal_but_for_their_names() -> None:
    nodes = [without_name(name) for name in NODES]

    assert nodes[0] == nodes[1] == nodes[2]
    assert [SERVICES[name]["environment"]["CHAT_NODE_NAME"] for name in NODES] == list(NODES)
    listed = re.findall(r"server (\S+):3000 ", (DEPLOY / "compose/nodes.conf").read_text())
    assert listed == list(NODES)


def without_name(name: str) -> dict[str, Any]:
    environment = {**SERVICES[name]["environment"]}
    del environment["CHAT_NODE_NAME"]
    return {**SERVICES[name], "environment": environment}


def test_only_nginx_has_published_ports() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"nginx": ["80:80", "443:443"]}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["inside"]


def test_only_nginx_is_a_trusted_proxy() -> None:
    address = SERVICES["nginx"]["networks"]["proxied"]["ipv4_address"]
    [pool] = COMPOSE["networks"]["proxied"]["ipam"]["config"]

    assert SERVICES["node1"]["environment"]["CHAT_TRUSTED_PROXIES"] == address
    assert ip_address(address) in ip_network(pool["subnet"])


def test_no_secret_has_a_value_or_a_default() -> None:
    for name, default in re.findall(r"\$\{(\w+)(:?[-?][^}]*)?\}", TEXT):
        if name in MAY_BE_EMPTY:
            assert default == ":-", f"{name} must have no default"
        elif name not in WITH_A_DEFAULT:
            assert default.startswith(":?set "), f"{name} must be required"
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name:
                assert value.startswith(f"${{{name}:?")
    for address in re.findall(r"\w://.*@", TEXT):
        assert ":${" in address


def test_every_variable_is_explained() -> None:
    example = (DEPLOY / "compose" / "environment.example").read_text()
    explained = set(re.findall(r"^#? ?([A-Z_]+)=", example, flags=re.MULTILINE))

    assert explained == set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    assert re.findall(r"^[A-Z_]*(?:SECRET|PASSWORD)[A-Z_]*=.+", example, flags=re.MULTILINE) == []


def test_every_setting_of_a_node_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}

    assert MAY_BE_EMPTY < set(SERVICES["node1"]["environment"]) <= known
    assert SERVICES["migrate"]["environment"] == without_name("node1")["environment"]


def test_an_empty_setting_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = Settings()
    for name in MAY_BE_EMPTY:
        monkeypatch.setenv(name, "")

    assert Settings() == unset


def test_images_have_versions() -> None:
    for service in SERVICES.values():
        name, _, version = service["image"].partition(":")
        assert name
        assert version
        assert not version.startswith("latest")


@pytest.mark.parametrize("name", ["redis", "migrate", *NODES, "nginx"])
def test_a_service_has_a_read_only_root_and_gains_no_rights(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108  # inside a container
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("cap_drop") == ["ALL"] or name == "nginx"


def test_lasting_data_has_a_named_volume() -> None:
    assert SERVICES["postgres"]["volumes"] == ["database:/var/lib/postgresql/data"]
    assert SERVICES["node1"]["volumes"] == ["files:/data"]


def test_nginx_gets_the_site_that_is_tested() -> None:
    site = (DEPLOY / "nginx.conf").read_text()
    targets = {
        Path(volume.removesuffix(":ro").rsplit(":/", 1)[1])
        for volume in SERVICES["nginx"]["volumes"]
    }

    assert "./nginx.conf:/etc/nginx/conf.d/default.conf:ro" in SERVICES["nginx"]["volumes"]
    for file in re.findall(r"(?:include|ssl_certificate(?:_key)?) (chat/\S+);", site):
        assert Path("etc/nginx") / file in targets
    for log in re.findall(r"access_log (\S+)", site):
        assert f"ln -sf /dev/stdout {log}" in SERVICES["nginx"]["command"][-1]


def test_nginx_starts_with_the_main_file_and_the_site(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path)
    nginx._certify()
    nginx._write_nodes(["127.0.0.1:1"])
    main = (DEPLOY / "compose" / "nginx.conf").read_text()
    main = main.replace("user nginx", f"user {pwd.getpwuid(os.geteuid()).pw_name}")
    main = main.replace("/run/", f"{tmp_path}/")
    # Paths that belong to root elsewhere.
    places = [
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    main = main.replace("http {", "http {" + " ".join(places))
    (tmp_path / "nginx.conf").write_text(main)
    (tmp_path / "mime.types").write_text("types {}")
    site = nginx._moved((DEPLOY / "nginx.conf").read_text())
    (tmp_path / "conf.d").mkdir(exist_ok=True)
    (tmp_path / "conf.d" / "default.conf").write_text(site)

    done = subprocess.run(  # noqa: S603  # a program of the system, with files of ours
        [programs.nginx(), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "worker_connections 16384" in main
