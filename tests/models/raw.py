"""A server that answers one request with any bytes, whether they are HTTP or not."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from threading import Thread

_LONGEST = 20.0
_GAP = 0.02


@contextmanager
def answering(reply: bytes, again: bytes | None = None) -> Iterator[str]:
    """Yield the URL of a server that sends these bytes, and waits until the client closes.

    A client may keep the connection of a reply that is whole, unless that says `Connection: close`.

    Args:
        reply: The bytes.
        again: What follows them every 20 ms, so that the connection stays open; empty for nothing.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection, suppress(ConnectionError):  # a client that stops reading closes it
                connection.recv(65536)
                connection.sendall(reply)
                if again is not None:
                    _go_on(connection, again)
                    return
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        thread.join(_LONGEST)
        assert not thread.is_alive(), "the client has kept its connection"


@contextmanager
def answering_each(replies: Sequence[bytes]) -> Iterator[str]:
    """Yield the URL of a server that sends these, one to each of the requests that follow."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            for reply in replies:
                connection, _ = listening.accept()
                with connection, suppress(ConnectionError):
                    connection.recv(65536)
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        thread.join(_LONGEST)
        assert not thread.is_alive(), "the client has sent fewer requests"


def _go_on(connection: socket.socket, again: bytes) -> None:
    """Send the same bytes again and again, until the client closes."""
    connection.settimeout(_GAP)
    while True:
        try:
            if not connection.recv(65536):
                return
        except TimeoutError:
            connection.sendall(again)
