"""What the verb studio does: an atlas to a page in the browser."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path

from imatlas.app.cli.console import Console, sentences
from imatlas.app.studio.security import is_loopback
from imatlas.app.studio.server import listen, serve

__all__ = ["studio"]


def studio(folder: Path, *, host: str, port: int | None, token: str | None, opens: bool, as_json: bool) -> None:
    """Serve an atlas until stopped, and say at which address."""
    console = Console(as_json=as_json)
    with sentences(console):
        opened = listen(host, port, token)

        def ready() -> None:
            console.say(f"The studio of {folder} is open at", f"  {opened.address}", "Ctrl-C ends it; nothing is lost.")
            if not is_loopback(host):
                console.say(
                    f"note: {host} can be reached from other machines. Whoever has the address sees the images, draws, edits "
                    "and trains, and the network between sees what is sent."
                )
            console.give({"address": opened.address, "port": opened.gate.port})
            if opens:
                threading.Thread(target=webbrowser.open, args=(opened.address,), daemon=True).start()

        serve(folder, opened, ready=ready)
