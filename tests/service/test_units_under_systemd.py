"""The installed services under a real systemd: ready, hardened and yet at work, watched, stopped, refused."""

import time
from collections.abc import Iterator

import pytest

from posture_agent.analysis import model
from support.booted import Booted, CannotBoot
from support.processes import wait_for
from support.servers import find_program, lacking

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SERVICES = ("posture-master", "posture-worker", "posture-publisher")
PASSWORD = "s3cr3t"
SET_UP = f"""
set -e
ip link set lo up 2>/dev/null || true
cd /srv/repository/manifests/mosquitto
install -m 0640 -g mosquitto acl /etc/mosquitto/acl
sed '/^allow_anonymous/d' mosquitto.conf > /etc/mosquitto/mosquitto.conf
cat >> /etc/mosquitto/mosquitto.conf <<END
allow_anonymous false
password_file /etc/mosquitto/passwords
acl_file /etc/mosquitto/acl
END
touch /etc/mosquitto/passwords
mosquitto_passwd -b /etc/mosquitto/passwords master {PASSWORD}
mosquitto_passwd -b /etc/mosquitto/passwords pi1 {PASSWORD}
systemctl restart mosquitto
posture-agent install --broker 127.0.0.1
posture-agent install --worker --master tcp://127.0.0.1:5570
posture-publisher install --pi-id pi1 --broker 127.0.0.1 --user pi1 --source synthetic
for program in master publisher; do
    printf %s {PASSWORD} > /etc/posture/credentials/$program/broker.password
done
sed -i 's/^#username = .*/username = "master"/' /etc/posture/master.toml
sed -i 's/^#node_name = .*/node_name = "agx"/' /etc/posture/worker.toml
posture-agent model install --from /srv/models
as() {{ runuser -u posture -- env HOME=/var/lib/posture "$@"; }}
as posture-agent keys create w --role worker --node agx
cp /var/lib/posture/keys/w.key /etc/posture/credentials/worker/key
for unit in {" ".join(SERVICES)}; do
    mkdir -p /run/systemd/system/$unit.service.d
    printf '[Service]\\nWatchdogSec=8\\nRestartSec=1\\n' > /run/systemd/system/$unit.service.d/quick.conf
done
systemctl daemon-reload
systemctl start {" ".join(SERVICES)}
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """A system on which all three services were installed and started."""
    models = model.model_folder()
    if not (models / "pose_landmarker_full.task").is_file():
        pytest.skip("the pose model is not installed (make setup)")
    try:
        booted = Booted(tmp_path_factory.mktemp("system"), {models: "/srv/models"})
    except CannotBoot as reason:
        lacking("namespaces" if find_program("systemd-nspawn") else "systemd-container", str(reason))
    with booted:
        booted.sh(SET_UP)
        yield booted


def pictures(system: Booted) -> int:
    """How many analysed pictures are in the master's folder: the last step of a frame's way."""
    return int(system.sh("find /var/lib/posture/analyzed_images -name '*.jpg' 2>/dev/null | wc -l"))


def wait_shown(system: Booted, unit: str, what: str, text: str) -> None:
    """Wait until a property of a unit has become `text`."""
    wait_for(lambda: system.shown(unit, what) == text, 60, what=f"{what} of {unit} is {text}")


def more_pictures(system: Booted) -> None:
    """Wait until pictures are analysed that were not."""
    before = pictures(system)
    wait_for(lambda: pictures(system) >= before + 2, 30, what="pictures are analysed and stored")


def test_they_are_ready_with_their_passwords_and_the_hardening_lets_them_work(system: Booted) -> None:
    more_pictures(system)
    for unit in SERVICES:
        assert (system.shown(unit, "ActiveState"), system.shown(unit, "NRestarts")) == ("active", "0"), unit
        assert PASSWORD not in system.journal(unit)
    wait_for(lambda: "joined" in system.shown("posture-worker", "StatusText"), 20)
    wait_shown(system, "posture-publisher", "StatusText", "publishing pi1; broker: up")


def test_doctor_sees_what_the_services_see(system: Booted) -> None:
    printed = system.sh("posture-agent install --dry-run; posture-publisher install --pi-id pi1 --dry-run")
    looks = [line.split(". ", 1)[1] for line in printed.splitlines() if "systemd-run" in line]
    assert len(looks) == 2
    for look in looks:
        said = system.sh(look, check=False)
        assert "broker topics" in said
        assert "FAILED" not in said


def test_those_that_hang_are_ended_and_started_again(system: Booted) -> None:
    for unit in SERVICES:
        system.sh(f"kill -STOP {system.shown(unit, 'MainPID')}")
    for unit in SERVICES:
        wait_shown(system, unit, "NRestarts", "1")
        wait_shown(system, unit, "ActiveState", "active")
        said = system.journal(unit)
        assert "Watchdog timeout" in said
        assert "most recent call first" in said, "the journal has where it hung"
    more_pictures(system)


def test_a_wrong_setting_is_named_and_not_tried_again(system: Booted) -> None:
    system.sh("systemctl stop posture-publisher")
    system.sh("cd /etc/posture; cp publisher.toml right; sed 's/^#fps = .*/fps = 5000/' right > publisher.toml")
    system.sh("systemctl start posture-publisher", check=False)
    time.sleep(2)
    assert system.shown("posture-publisher", "ActiveState") == "failed"
    assert system.shown("posture-publisher", "ExecMainStatus") == "2"
    said = system.sh("systemctl status --no-pager --full posture-publisher", check=False)
    assert "setting 'fps' from file /etc/posture/publisher.toml" in said
    system.sh("mv /etc/posture/right /etc/posture/publisher.toml; systemctl start posture-publisher")
    more_pictures(system)


def test_they_end_at_once_with_frames_in_flight(system: Booted) -> None:
    began = time.monotonic()
    system.sh(f"systemctl stop {' '.join(SERVICES)}")
    assert time.monotonic() - began < 10
    for unit in SERVICES:
        assert (system.shown(unit, "ActiveState"), system.shown(unit, "Result")) == ("inactive", "success"), unit
