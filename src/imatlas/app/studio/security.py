"""Who may ask the studio, and for how much: the wall before every page and every answer.

A page of another site can send requests to this machine, and the name of another site can be made to lead here (DNS rebinding).
So a request passes only if it names this very server (Host), comes from its own pages (Origin, Sec-Fetch-Site), and carries the
token that the opened address holds. Bodies are counted as they come in, and what is held at one time has a bound.

References: OWASP, "Cross-Site Request Forgery Prevention Cheat Sheet"; W3C, "Fetch Metadata Request Headers", 2021.
"""

from __future__ import annotations

import asyncio
import html
import ipaddress
import json
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imatlas.checks import InputError

__all__ = ["ENOUGH_FOR_PICTURES", "HEADERS", "PAGE_POLICY", "Gate", "Wall", "is_loopback", "require_token"]

ENOUGH, ENOUGH_FOR_PICTURES = 4 * 2**20, 32 * 2**20
"""Most bytes of a body, in general and where pictures come."""

WITH_PICTURES = frozenset({"/api/near", "/api/draw", "/api/line", "/api/path", "/api/animation", "/api/kept"})
MOST_HELD = 4 * ENOUGH_FOR_PICTURES
MOST_AT_ONCE = 64
MOST_PATIENCE = 30.0  # seconds for a body to come in
LEAST_TOKEN = 16

READING = frozenset({"GET", "HEAD", "OPTIONS"})

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; frame-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS: Mapping[str, str] = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}
"""On every answer that does not bring its own."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Gate:
    """Who is let in.

    Parameters
    ----------
    token : what every request must bring.
    port : the server listens on.
    host : it is bound to; of one that stands for all addresses of the machine any address will do, but no other name.
    """

    token: str
    port: int
    host: str = "127.0.0.1"

    @property
    def cookie(self) -> str:
        """Name of the cookie; a browser gives all ports of a host the same cookies."""
        return f"imatlas-{self.port}"

    def knows(self, host: str) -> bool:
        """Say whether a Host header names this server."""
        found = _HOST.fullmatch(host.lower())
        if not found or int(found[2] or 80) != self.port:
            return False
        name = found[1].strip("[]")
        if self.host in ("0.0.0.0", "::"):
            return name in ("localhost", socket.gethostname().lower()) or _is_address(name)
        return name == self.host.lower() or (is_loopback(self.host) and name in ("localhost", "127.0.0.1", "::1"))

    def opens(self, given: str) -> bool:
        """Say whether this is the token, in a time that tells nothing of it."""
        return secrets.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def opened_by(self, headers: Headers) -> bool:
        """Say whether the header or a cookie of a request holds the token."""
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        given = [value for name, _, value in pairs if name == self.cookie]
        return any(self.opens(one) for one in [*given, headers.get("x-imatlas-token", "")])


class Refused(Exception):
    """A request that does not pass; its message is a sentence for people."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Wall:
    """ASGI middleware that lets through what the gate lets in, and puts the safe headers on every answer.

    Parameters
    ----------
    app : what stands behind it.
    gate : who is let in.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app, self.gate = app, gate
        self.held, self.inside = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._pass(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            _require_known(self.gate, headers)
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
            if scope["path"] == "/" and scope["method"] == "GET" and given:
                await self._let_in(given[0], send)
                return
            _require_own(self.gate, headers, scope["method"])
            limit = _limit_of(scope, headers)
            if self.inside >= MOST_AT_ONCE or self.held + limit > MOST_HELD:
                raise Refused(429, "The studio is busy with other requests; wanted fewer at a time. Try again in a second.")
            await self._hand_on(scope, receive, send, limit)
        except Refused as refused:
            await _answer(send, refused, as_page="text/html" in headers.get("accept", ""))

    async def _hand_on(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """Read the body while its bytes are counted, then let what stands behind the wall answer."""
        self.inside += 1
        self.held += limit
        try:
            body = await _read_body(receive, limit)
            came = iter([{"type": "http.request", "body": body, "more_body": False}])

            async def replay() -> Message:
                return next(came, None) or await receive()

            await self.app(scope, replay, send)
        finally:
            self.inside -= 1
            self.held -= limit

    async def _let_in(self, given: str, send: Send) -> None:
        if not self.gate.opens(given):
            raise Refused(403, "The address came with another token than this studio has. Open the address it printed last.")
        cookie = f"{self.gate.cookie}={self.gate.token}; HttpOnly; SameSite=Strict; Path=/"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def is_loopback(host: str) -> bool:
    """Say whether an address can be reached from this machine alone."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def require_token(token: str) -> str:
    """Give a token back that is hard to guess and fits into an address.

    Raises
    ------
    InputError
        If it is too short, or has other signs.
    """
    if len(token) < LEAST_TOKEN or not _TOKEN.fullmatch(token):
        raise InputError(
            f"The token has {len(token)} signs; wanted {LEAST_TOKEN} or more letters, digits, - and _. Leave it out and one is "
            "made, or take one from: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _require_known(gate: Gate, headers: Headers) -> None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not gate.knows(hosts[0]):
        raise Refused(
            403,
            f"The request names the host {', '.join(hosts) or 'none'}, which is not this studio. Open the address it printed.",
        )


def _require_own(gate: Gate, headers: Headers, method: str) -> None:
    """Refuse what comes from the pages of others, or without the token."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if (origin is not None and origin != f"http://{headers['host']}") or site not in ("none", "same-origin"):
        raise Refused(
            403, f"The request comes from {origin or 'another site'}, not from the studio's own page. Open that page."
        )
    if not gate.opened_by(headers):
        raise Refused(403, "The request came without the studio's token. Open the address that imatlas studio printed.")
    if method not in READING and origin is None and "x-imatlas-token" not in headers:
        raise Refused(403, "A request that changes something came without its origin. Send Origin, or the token as a header.")


def _limit_of(scope: Scope, headers: Headers) -> int:
    """Give the most bytes that a body may have.

    Raises
    ------
    Refused
        If it says itself that it is longer, or is of a kind that is not taken.
    """
    length = headers.get("content-length", "0")
    if length == "0" and "transfer-encoding" not in headers:
        return 0
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.startswith("image/"):
        raise Refused(415, f"The body is {kind or 'of no named kind'}; wanted application/json, or image/... for a picture.")
    limit = ENOUGH_FOR_PICTURES if scope["path"] in WITH_PICTURES else ENOUGH
    if not length.isdecimal() or int(length[:20]) > limit:
        raise _too_long(limit)
    return limit


async def _read_body(receive: Receive, limit: int) -> bytes:
    """Give the body, of so many bytes at most."""
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(MOST_PATIENCE):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The body was cut short. Send it again.")
                parts.append(message.get("body", b""))
                size, more = size + len(parts[-1]), message.get("more_body", False)
                if size > limit:
                    raise _too_long(limit)
    except TimeoutError:
        raise Refused(408, f"The body took longer than {MOST_PATIENCE:.0f} s to come in. Send it again.") from None
    return b"".join(parts)


def _too_long(limit: int) -> Refused:
    return Refused(413, f"The body is too long; at most {limit // 2**20} MiB are read. Send less, or a smaller picture.")


def _with_headers(send: Send) -> Send:
    """Give a `send` that puts the safe headers on an answer where it does not bring its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


async def _answer(send: Send, refused: Refused, *, as_page: bool) -> None:
    """Say why a request does not pass, as JSON or as a page for people."""
    body, kind = json.dumps({"error": str(refused)}), b"application/json"
    if as_page:
        body, kind = f"<!doctype html><title>imatlas studio</title><p>{html.escape(str(refused))}</p>", b"text/html"
    headers = [(b"content-type", kind + b"; charset=utf-8"), (b"content-length", str(len(body.encode())).encode())]
    if refused.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
