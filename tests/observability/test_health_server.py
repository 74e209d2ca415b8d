"""The server of `/healthz`, `/readyz`, `/metrics` against clients that mean no good."""

import socket
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, make_wsgi_app

from posture_shared.health import MOST_AT_ONCE, HealthServer, Readiness
from support.processes import wait_for
from support.scrape import answer

READY = Readiness(ready=True, conditions={"broker": True})


@pytest.fixture
def server() -> Iterator[HealthServer]:
    one = HealthServer(
        address="127.0.0.1",
        port=0,
        metrics=make_wsgi_app(CollectorRegistry()),
        alive=lambda: True,
        ready=lambda: READY,
    )
    one.start()
    yield one
    one.stop()


def test_more_silent_clients_than_it_serves_cost_no_more_threads_and_it_answers_when_they_are_gone(
    server: HealthServer,
) -> None:
    before = threading.active_count()
    crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3 * MOST_AT_ONCE)]
    wait_for(lambda: threading.active_count() >= before + MOST_AT_ONCE, what="all places are taken")
    assert threading.active_count() <= before + MOST_AT_ONCE
    assert answer(server.port, "/healthz")[0] == 0
    for one in crowd:
        one.close()
    wait_for(lambda: answer(server.port, "/healthz")[0] == 200, what="it answers again")


@pytest.mark.parametrize(
    "words", [b"\x00\xff" * 50, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 70_000]
)
def test_nonsense_ends_no_more_than_its_own_connection(server: HealthServer, words: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    assert answer(server.port, "/readyz") == (200, {"ready": True, "broker": True})
