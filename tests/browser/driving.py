"""The two sides of a journey: a server that can be killed and started again, and a person before the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import httpx
import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator

__all__ = ["NEEDS", "Server", "Visitor", "crowded", "find_browser", "lonely"]

TOKEN = "a-token-of-the-browser"
NEEDS = "needs playwright: scripts/browser, or pip install -r requirements/browser.txt"
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Give the path of an installed browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def lonely(places: np.ndarray) -> tuple[int, float]:
    """Give the row that lies furthest from its nearest neighbor on the map, and how far."""
    apart = cKDTree(places).query(places, 2)[0][:, 1]
    return int(apart.argmax()), float(apart.max())


def crowded(places: np.ndarray, count: int = 20) -> tuple[int, float]:
    """Give the row that has its others nearest around it, and within which distance they are."""
    within = cKDTree(places).query(places, count)[0][:, -1]
    return int(within.argmin()), float(within.min())


class Server:
    """`imatlas studio` in a process of its own.

    Parameters
    ----------
    folder : the atlas.
    log : where its warnings go.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log, self.port = folder, log, 0

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, at the port of last time, and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "imatlas.app.cli.main",
            "studio",
            str(self.folder),
            "--no-open",
            "--json",
            "--token",
            TOKEN,
        ]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder.parent
            )
        said = self.process.stdout.readline()
        if not said.strip():
            raise RuntimeError(f"The studio did not start:\n{self.log.read_text()}")
        told = json.loads(said)
        self.port, self.address = told["port"], told["address"]

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def root(self) -> str:
        """The address without the token."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        """Ask for something as a program does."""
        return httpx.get(self.root + path, headers={"x-imatlas-token": TOKEN}, timeout=60).raise_for_status().content


class Visitor:
    """A person before one page: eyes, a mouse, and a memory for what the console said.

    Parameters
    ----------
    context : a fresh profile of the browser.
    server : whose address the person holds.
    renderer : "webgl" or "canvas".
    """

    def __init__(self, context: BrowserContext, server: Server, renderer: str) -> None:
        self.server, self.renderer = server, renderer
        self.errors: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        context.request.get(server.address)  # leaves the cookie that the opened address gives

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def open(self, hash: str = "") -> None:
        """Open the page and wait until the map is painted."""
        self.page.goto(f"{self.server.root}/?map={self.renderer}#{hash}")
        self.see_map()

    def see_map(self) -> None:
        """Wait until the map is painted, by the renderer that was asked for."""
        kind = {"webgl": "WebGL", "canvas": "Canvas2D"}[self.renderer]
        self.page.locator(f'html[data-map="{kind}"]').wait_for()

    def look_at(self, place: tuple[float, float], scale: float, more: str = "") -> None:
        """Open the page with a place in the middle of the map, at so many pixels per unit."""
        self.open(f"at={place[0]:.6g}_{place[1]:.6g}_{scale:.6g}{more}")

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the map, in pixels of the page."""
        box = self.page.locator("#map").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, *steps: tuple[float, float]) -> None:
        """Drag over the map; steps are pixels from its middle."""
        x, y = self.middle
        mouse = self.page.mouse
        mouse.move(x + steps[0][0], y + steps[0][1])
        mouse.down()
        for dx, dy in steps[1:]:
            mouse.move(x + dx, y + dy, steps=5)
        mouse.up()

    def tool(self, name: str) -> None:
        """Take a tool."""
        self.page.locator("#tools label", has_text=re.compile(f"^{name}$")).click()

    def tab(self, name: str) -> Locator:
        """Open a panel and give it."""
        self.page.get_by_role("tab", name=name).click()
        return self.panel(name)

    def panel(self, name: str) -> Locator:
        """Give a panel."""
        return self.page.locator(f"#panel-{name.lower()}")
