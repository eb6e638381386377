"""The proxy keeps bytes in order whatever it is told, and breaks connections only when it is told to."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from runtime.broker import free_port
from tests.chaos.proxy import ProxyProcess
from tests.stage import await_condition


@pytest.fixture
def target() -> Iterator[int]:
    """A server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                while data := connection.recv(65536):
                    connection.sendall(data)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=echo, args=server.accept()[:1], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(target: int) -> Iterator[ProxyProcess]:
    opened = ProxyProcess(free_port(), target)
    yield opened
    opened.close()


@pytest.fixture
def client(proxy: ProxyProcess) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port)) as opened:
        opened.settimeout(5)
        yield opened


def exactly(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = client.recv(count - len(got))
        assert more, "the connection ended"
        got += more
    return got


def test_bytes_come_back_in_order_through_every_change_of_orders(proxy: ProxyProcess, client: socket.socket) -> None:
    sent = b""
    for number, order in enumerate(["pass", "slow 0.05", "pass", "hang", "pass", "slow 0.1", "slow 0.01", "pass"]):
        proxy.order(order)
        piece = f"{number}:{order};".encode() * 50
        client.sendall(piece)
        sent += piece
    assert exactly(client, len(sent)) == sent


def test_slow_holds_back_both_ways(proxy: ProxyProcess, client: socket.socket) -> None:
    proxy.order("slow 0.2")
    began = time.monotonic()
    client.sendall(b"x")
    assert exactly(client, 1) == b"x"
    assert time.monotonic() - began >= 0.4


def test_hang_lets_nothing_through_and_keeps_the_connection(proxy: ProxyProcess, client: socket.socket) -> None:
    proxy.order("hang")
    client.sendall(b"x")
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    proxy.order("pass")
    client.settimeout(5)
    assert exactly(client, 1) == b"x"


def test_cut_ends_what_is_open_and_what_comes_until_it_is_over(proxy: ProxyProcess, client: socket.socket) -> None:
    client.sendall(b"x")
    assert exactly(client, 1) == b"x"
    proxy.order("cut")

    def is_ended(connection: socket.socket) -> bool:
        try:
            return connection.recv(1) == b""
        except ConnectionError:
            return True

    assert is_ended(client)
    with socket.create_connection(("127.0.0.1", proxy.port)) as refused:
        refused.settimeout(5)
        assert is_ended(refused)
    proxy.order("pass")

    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", proxy.port)) as again:
            again.settimeout(5)
            again.sendall(b"y")
            return again.recv(1) == b"y"

    await_condition(answers, what="the proxy to let through again")
