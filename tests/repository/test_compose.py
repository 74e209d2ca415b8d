"""compose.yaml: whatever it names exists, and its own commands do on real servers what they say.

There is no container engine where the tests run, so what its containers would run is run here, with the names of
services replaced by addresses of this machine.
"""

import os
import re
import shlex
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from support.postgres import Postgres
from support.processes import Programs, free_port, our_program, wait_for
from support.servers import find_program, lacking

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {"posture-agent", "posture-publisher"}


def variables(text: str) -> str:
    """`text` as compose passes it on where no `.env` is: defaults taken, `$$` as `$`."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")


def words(service: str) -> list[str]:
    return [variables(word) for word in SERVICES[service]["command"]]


def test_what_is_mounted_is_in_the_repository_or_a_volume() -> None:
    for service in SERVICES.values():
        for mounted in service.get("volumes", []):
            source = mounted.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        for config in service.get("configs", []):
            assert config["source"] in COMPOSE["configs"]


def test_services_wait_for_what_there_is_and_for_health_that_is_checked() -> None:
    for service in SERVICES.values():
        needed = service.get("depends_on", {})
        for name in needed:
            condition = needed[name]["condition"] if isinstance(needed, dict) else "service_started"
            assert name in SERVICES
            assert condition != "service_healthy" or "test" in SERVICES[name]["healthcheck"]


def test_whatever_ends_by_itself_is_waited_for_so_that_up_is_well() -> None:
    once = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
    waited = {
        name
        for service in SERVICES.values()
        if isinstance(service.get("depends_on"), dict)
        for name, needed in service["depends_on"].items()
        if needed["condition"] == "service_completed_successfully"
    }
    assert once == waited == {"logins", "tables", "keys"}


def test_only_this_machine_reaches_a_port_and_only_profiles_bring_more_than_the_site() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    profiles = {name: service["profiles"][0] for name, service in SERVICES.items() if "profiles" in service}
    assert {name for name, profile in profiles.items() if profile == "dashboards"} == {"prometheus", "grafana"}
    assert {name for name, profile in profiles.items() if profile == "cameras"} == {"camera1", "camera2", "camera3"}


def test_our_containers_cannot_write_their_image_and_have_no_rights() -> None:
    ours = [service for service in SERVICES.values() if "posture-edge" in service["image"]]
    assert len(ours) == 7
    for service in ours:
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "no-new-privileges:true" in service["security_opt"]


def test_grafana_has_each_variable_that_its_data_sources_name() -> None:
    sources = (ROOT / "manifests/grafana/provisioning/datasources/posture.yaml").read_text()
    named = set(re.findall(r": \$(POSTURE_\w+)", sources))
    assert named
    assert named == set(SERVICES["grafana"]["environment"])
    dashboards = yaml.safe_load((ROOT / "manifests/grafana/provisioning/dashboards/posture.yaml").read_text())
    folders = {mounted.split(":")[1] for mounted in SERVICES["grafana"]["volumes"]}
    assert dashboards["providers"][0]["options"]["path"] in folders


def test_prometheus_scrapes_the_services_on_the_ports_that_they_have() -> None:
    (config,) = SERVICES["prometheus"]["configs"]
    scraped = yaml.safe_load((ROOT / "manifests/prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    folder = Path(config["target"]).parent.name
    assert scraped["file_sd_configs"][0]["files"] == [f"{folder}/*.yml"]
    targets = yaml.safe_load(COMPOSE["configs"]["targets"]["content"])
    assert {one["labels"]["agent"]: one["targets"] for one in targets} == {
        "master": ["master:9470"],
        "worker": ["worker:9471"],
    }
    for name in ("master", "worker"):
        told = words(name)
        assert told[told.index("--metrics-listen") + 1] == "0.0.0.0"  # noqa: S104 - of the containers' own network


def run_as_container(service: str, replaced: dict[str, str], *more: str, **environment: str) -> str:
    """Run a service's command here; it must end well. Returns what it wrote."""
    program = SERVICES[service].get("entrypoint", ["posture-agent"])
    command = [*(program if program == ["sh", "-ec"] else our_program(program[-1])), *words(service), *more]
    for old, new in replaced.items():
        command = [word.replace(old, new) for word in command]
    given = {variables(name): variables(value) for name, value in SERVICES[service].get("environment", {}).items()}
    env = {**os.environ, **given, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.integration
@pytest.mark.parametrize("service", ["master", "worker", "camera1", "camera2", "camera3"])
def test_its_programs_take_their_flags(service: str) -> None:
    assert "Usage: posture-" in run_as_container(service, {}, "--help")


@pytest.mark.integration
def test_its_logins_write_and_read_what_they_should_and_no_more(postgres: Postgres) -> None:
    where = psycopg2.extensions.parse_dsn(postgres.url)
    server = {"PGHOST": postgres.host, "PGPORT": str(postgres.port), "PGDATABASE": where["dbname"]}
    for _ in range(2):  # harmless when done again
        run_as_container("logins", {}, **server)
        run_as_container("tables", {"postgresql://postgres@postgres/posture": postgres.url})
    login = {**where, "password": "posture"}
    with closing(psycopg2.connect(**{**login, "user": "posture_writer"})) as writer, writer.cursor() as cursor:
        cursor.execute("INSERT INTO posture_log (frame_id, pi_id) VALUES (gen_random_uuid(), 'pi1')")
        writer.commit()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("DELETE FROM posture_log")
    with closing(psycopg2.connect(**{**login, "user": "posture_dashboards"})) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT pi_id FROM posture_log")
        assert cursor.fetchall() == [("pi1",)]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("INSERT INTO posture_log (frame_id, pi_id) VALUES (gen_random_uuid(), 'pi2')")


@pytest.mark.integration
def test_its_keys_are_made_once(tmp_path: Path) -> None:
    programs = {"posture-agent": " ".join(shlex.quote(word) for word in our_program("posture-agent"))}
    replaced = {**programs, "/keys": str(tmp_path)}
    run_as_container("keys", replaced)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    assert {"worker.key", "operator.key"} <= before.keys()
    run_as_container("keys", replaced)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before


@pytest.mark.integration
def test_its_broker_is_healthy_with_its_own_configuration(programs: Programs, tmp_path: Path) -> None:
    if find_program("mosquitto_sub") is None:
        lacking("mosquitto-clients", "mosquitto_sub is not installed")
    shared, port = tmp_path / "shared", free_port()
    shared.mkdir()
    own = (ROOT / "manifests/mosquitto/mosquitto.conf").read_text()
    for line, here in (("listener 1883", f"listener {free_port()}"), ("/var/lib/mosquitto/", f"{tmp_path}/")):
        assert line in own
        own = own.replace(line, here)
    (shared / "mosquitto.conf").write_text(own)
    conf = (ROOT / "manifests/mosquitto/compose.conf").read_text()
    assert "/mosquitto/shared" in conf
    conf = conf.replace("/mosquitto/shared", str(shared)).replace("listener 1884", f"listener {port} 127.0.0.1")
    file = tmp_path / "compose.conf"
    file.write_text(f"{conf}\nuser root\n")
    (command,) = words("mosquitto")
    _, _, run = command.partition(" && exec ")
    programs.start(*run.replace("/mosquitto/config/compose.conf", str(file)).split(), name="mosquitto")
    _, *check = (variables(word) for word in SERVICES["mosquitto"]["healthcheck"]["test"])
    asked = [str(port) if word == "1884" else word for word in check]
    wait_for(lambda: subprocess.run(asked, check=False, capture_output=True).returncode == 0, 15, what="healthy")
