"""The server of the studio: a socket on this machine, an application behind it, and the address that opens it."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from urllib.parse import urlencode

import uvicorn

from imatlas.app.studio.application import make_app
from imatlas.app.studio.desk import Desk
from imatlas.app.studio.security import Gate, is_loopback, require_token
from imatlas.checks import InputError

__all__ = ["USUAL_PORT", "Opened", "listen", "serve"]

USUAL_PORT = 8642
MOST_CONNECTIONS = 256


class Opened:
    """A listening socket, and who is let in through it.

    Parameters
    ----------
    listener : bound and listening, so that a browser that is opened now is answered as soon as the server runs.
    gate : who is let in.
    """

    def __init__(self, listener: socket.socket, gate: Gate) -> None:
        self.listener, self.gate = listener, gate

    @property
    def address(self) -> str:
        """What to open: with the token, which the page then keeps as a cookie."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.gate.host, self.gate.host)
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"http://{host}:{self.gate.port}/?{urlencode({'token': self.gate.token})}"


def listen(host: str, port: int | None, token: str | None) -> Opened:
    """Open a port.

    Parameters
    ----------
    host : address to bind to; one that other machines can reach needs a token of one's own.
    port : None for the usual one, or a free one where that is taken; 0 for a free one.
    token : None for a random one.

    Raises
    ------
    InputError
        If the port is taken, the host is none of this machine, or the token is missing or easy to guess.
    """
    if token is None and not is_loopback(host):
        raise InputError(
            f"The host {host} can be reached from other machines, and no token came with it. Give one of your own with "
            "--token, or leave out --host."
        )
    token = secrets.token_urlsafe(24) if token is None else require_token(token)
    try:
        listener = _bound(host, USUAL_PORT if port is None else port)
    except OSError as error:
        if port is not None or error.errno != errno.EADDRINUSE:
            raise InputError(
                f"Could not listen on {host}, port {USUAL_PORT if port is None else port} ({error.strerror or error}). "
                "Choose another --port, or leave it out."
            ) from error
        listener = _bound(host, 0)
    return Opened(listener, Gate(token, listener.getsockname()[1], host))


def serve(folder: Path, opened: Opened, *, ready: Callable[[], None]) -> None:
    """Serve an atlas until the process is stopped.

    Parameters
    ----------
    ready : called once the server answers.

    Raises
    ------
    InputError
        If it is no atlas of images, or has no map.
    """
    app = make_app(folder, opened.gate)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    _Server(config, app.state.desk, ready).run(sockets=[opened.listener])


class _Server(uvicorn.Server):
    """A server that tells when it is up, and when it is asked to stop."""

    def __init__(self, config: uvicorn.Config, desk: Desk, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._desk, self._ready = desk, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear a signal: streams that would never end are told to."""
        self._desk.closing = True
        super().handle_exit(sig, frame)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
