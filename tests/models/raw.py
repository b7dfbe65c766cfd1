"""A server that answers one request with any bytes, whether they are HTTP or not."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread

_LONGEST = 5.0


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """Yield the URL of a server that sends these bytes, and waits until the client closes.

    A client may keep the connection of a reply that is whole, unless that says `Connection: close`.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection, suppress(ConnectionError):  # a client that stops reading closes it
                connection.recv(65536)
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        thread.join(_LONGEST)
        assert not thread.is_alive(), "the client has kept its connection"
