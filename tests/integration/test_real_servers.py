"""The servers that other tests stand on do what those tests take for granted."""

import os
import queue
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg2
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from support.mosquitto import Mosquitto
from support.postgres import Postgres
from support.processes import Program, Programs, free_port, listens, wait_for
from support.servers import lacking, missing

KEPT = 190
"""Of 200 messages: the last few may have met the moment between acknowledging and saving."""

pytestmark = pytest.mark.integration


def _client(broker: Mosquitto, name: str, *, clean: bool, received: "queue.Queue[bytes] | None" = None) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean, protocol=mqtt.MQTTv311)
    if received is not None:  # before connecting: a kept session delivers at once
        client.on_message = lambda _client, _data, message: received.put(bytes(message.payload))
    client.connect(broker.host, broker.port, keepalive=20)
    client.loop_start()
    wait_for(client.is_connected, what=f"{name} is connected")
    return client


def _subscribe(broker: Mosquitto) -> tuple[mqtt.Client, "queue.Queue[bytes]"]:
    received: queue.Queue[bytes] = queue.Queue()
    client = _client(broker, "listener", clean=False, received=received)
    subscribed: list[int] = []
    client.on_subscribe = lambda *_: subscribed.append(1)
    client.subscribe("images/#", qos=1)
    wait_for(lambda: subscribed, what="the subscription is acknowledged")
    return client, received


def _leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def test_broker_keeps_acknowledged_messages_through_sigkill(broker: Mosquitto) -> None:
    listener, _ = _subscribe(broker)
    _leave(listener)
    sender = _client(broker, "sender", clean=True)
    for number in range(200):
        sender.publish("images/pi1", f"{number:04d}".encode() * 500, qos=1).wait_for_publish(5)
    broker.kill()
    _leave(sender)
    broker.start()
    listener, received = _subscribe(broker)
    try:
        numbers = [int(received.get(timeout=5)[:4]) for _ in range(KEPT)]
    finally:
        _leave(listener)
    assert numbers == list(range(KEPT))


def test_broker_comes_back_on_its_port(broker: Mosquitto) -> None:
    port = broker.port
    broker.stop()
    assert not listens(port)
    broker.start()
    assert broker.port == port
    assert listens(port)


def test_each_test_gets_an_empty_database(postgres: Postgres) -> None:
    first, second = postgres.url, postgres.database()
    assert first != second
    for url in (first, second):
        assert _query(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
        _query(url, "CREATE TABLE here (n int)")


def test_database_keeps_committed_rows_through_a_hard_stop(postgres: Postgres) -> None:
    _query(postgres.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    postgres.kill()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(postgres.url)
    postgres.start()
    assert _query(postgres.url, "SELECT n FROM kept") == [(7,)]


def test_database_left_stopped_is_running_for_the_next_test(postgres: Postgres) -> None:
    postgres.stop()
    postgres.renew()
    assert _query(postgres.url, "SELECT 1") == [(1,)]


def test_a_database_server_of_its_own_is_another_one(postgres: Postgres, new_postgres: Callable[[], Postgres]) -> None:
    own = new_postgres()
    assert own.port != postgres.port
    own.stop()
    assert _query(postgres.url, "SELECT 1") == [(1,)]


def test_missing_server_skips_or_fails_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTURE_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="thing is not installed"):
        missing("thing", "buy one")
    monkeypatch.setenv("POSTURE_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="thing is not installed"):
        missing("thing", "buy one")


def test_what_a_machine_is_said_to_have_is_required_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_REQUIRE_SERVERS", "1")
    monkeypatch.setenv("POSTURE_REQUIRE_TOOLS", "faketime thing")
    with pytest.raises(pytest.fail.Exception, match="no thing, and POSTURE_REQUIRE_TOOLS says that thing is there"):
        lacking("thing", "no thing")
    with pytest.raises(pytest.skip.Exception, match=r"no other \(other\)"):
        lacking("other", "no other")
    monkeypatch.delenv("POSTURE_REQUIRE_SERVERS")
    with pytest.raises(pytest.skip.Exception):
        lacking("thing", "no thing")


def test_program_is_watched_and_ended_with_what_it_started(tmp_path: Path) -> None:
    script = "sleep 300 & echo child $! >&2; wait"
    program = Program(["sh", "-c", script], folder=tmp_path, name="parent").start()
    child = int(program.wait_for_line(r"^child \d+").split()[1])
    program.end()
    assert not program.alive
    wait_for(lambda: not _runs(child), what="the child is gone")


def test_program_that_ends_early_fails_the_wait_with_its_last_words(programs: Programs) -> None:
    program = programs.start("sh", "-c", "echo no such camera >&2; exit 3")
    with pytest.raises(AssertionError, match=r"ended with 3 before 'ready'(.|\n)*no such camera"):
        program.wait_for_line("ready")


def test_wait_for_says_what_never_came() -> None:
    with pytest.raises(AssertionError, match="still not: the sun rises"):
        wait_for(lambda: False, timeout=0.05, what="the sun rises")


def test_free_port_is_free() -> None:
    assert not listens(free_port())


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")  # noqa: PTH110 - one more look, nothing to join


def _query(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
