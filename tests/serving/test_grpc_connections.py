"""Connections as the system knows them, on real sockets."""

import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from solutionserve import grpc_connections
from solutionserve.grpc_connections import GrpcConnections, descriptors, sockets


@contextlib.contextmanager
def pairs(
    count: int, address: str = "127.0.0.1"
) -> Iterator[tuple[int, list[tuple[socket.socket, socket.socket]]]]:
    """A port, and connections to it: both ends, the client's first."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family))
        listening.bind((address, 0))
        listening.listen(count)
        made = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(listening.getsockname()[:2]))
            made.append((client, stack.enter_context(listening.accept()[0])))
        yield listening.getsockname()[1], made


def name(client: socket.socket) -> str:
    host, port = client.getsockname()[:2]
    return f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"


def ended(client: socket.socket) -> bool:
    client.settimeout(0.2)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_peers_are_named_as_grpc_names_them_and_nothing_is_left_open(address: str) -> None:
    try:
        socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET).bind((address, 0))
    except OSError:
        pytest.skip(f"no {address} here")
    with pairs(3, address) as (port, made):
        before = len(descriptors())
        assert {item[0] for item in sockets(port)} == {name(client) for client, _ in made}
        assert len(descriptors()) == before


def test_the_silent_go_first_and_the_busy_stay() -> None:
    with pairs(10) as (port, made):
        clients = [client for client, _ in made]
        connections = GrpcConnections(port, 10, lambda: {name(clients[0])})
        for client in (clients[1], clients[2]):
            connections.called(name(client))
        assert connections.make_room()
        # Three of ten may stay: the busy one, and those that were the last to make a call.
        assert [ended(client) for client in clients] == [False] * 3 + [True] * 7
        for _, server in made[3:]:
            server.close()
        assert not connections.make_room()


def test_at_the_end_nobody_comes_in_and_all_go(tmp_path: Path) -> None:
    with pairs(2) as (port, made), pairs(1) as (other, kept):
        with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as client:
            listening.bind(str(tmp_path / "socket"))
            listening.listen()
            client.connect(str(tmp_path / "socket"))
            accepted = listening.accept()[0]
            GrpcConnections(port, 10, set).end_all(tmp_path / "socket")
            assert ended(client)
            accepted.close()
        assert [ended(client) for client, _ in made] == [True, True]
        assert not ended(kept[0][0])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        socket.create_connection(("127.0.0.1", other), timeout=1).close()


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells nothing")
class TestReceived:
    def test_what_each_connection_has_sent(self) -> None:
        with pairs(2) as (port, made):
            connections = GrpcConnections(port, 10, set)
            one, two = (client for client, _ in made)
            one.sendall(b"x" * 1000)
            wanted = {name(one), name(two), "unix:"}
            assert connections.received(wanted) == {name(one): 1000, name(two): 0, "unix:": None}
            two.sendall(b"x" * 10)
            assert connections.received({name(two)}) == {name(two): 10}

    def test_a_descriptor_that_became_another_connections_is_not_taken_for_it(self) -> None:
        with pairs(1) as (port, made):
            connections = GrpcConnections(port, 10, set)
            client, _ = made[0]
            known = name(client)
            assert connections.received({known}) == {known: 0}
            with pairs(1) as (_, others):
                others[0][0].sendall(b"x" * 50)
                connections._numbers[known] = others[0][1].fileno()
                assert connections.received({known}) == {}

    def test_thousands_of_connections_are_not_looked_through_all_the_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = 0

        def slow() -> list[int]:
            nonlocal looks
            looks += 1
            time.sleep(0.02)
            return []

        monkeypatch.setattr(grpc_connections, "descriptors", slow)
        connections = GrpcConnections(1, 10, set)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            assert connections.received({"ipv4:127.0.0.1:1"}) == {}
        assert 1 <= looks <= 3
