"""The verb: what it prints, opens and refuses; and that a killed server that is started again goes on where it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from imatlas.app.cli import studio as verb
from imatlas.app.cli.main import app
from imatlas.app.studio.server import Opened

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def served(monkeypatch) -> list[str]:
    """Addresses that were opened in a browser, by a server that ends as soon as it is up."""
    opened: list[str] = []

    def serve(folder: Path, where: Opened, *, ready) -> None:
        ready()
        where.listener.close()

    class Now:
        def __init__(self, *, target, args, daemon: bool) -> None:
            self.target, self.args = target, args

        def start(self) -> None:
            self.target(*self.args)

    monkeypatch.setattr(verb, "serve", serve)
    monkeypatch.setattr(verb.webbrowser, "open", opened.append)
    monkeypatch.setattr(verb.threading, "Thread", Now)
    return opened


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["studio", "shapes.atlas", "--port", "0", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_address_is_printed_and_opened(served):
    said = run("--token", TOKEN)
    assert served[0].endswith(f"/?token={TOKEN}")
    assert served[0] in said
    assert "Ctrl-C ends it" in said


def test_with_json_there_is_one_object_and_nothing_is_opened_if_not_wished(served):
    told = json.loads(run("--token", TOKEN, "--json", "--no-open"))
    assert told == {"address": f"http://127.0.0.1:{told['port']}/?token={TOKEN}", "port": told["port"]}
    assert served == []


def test_the_token_can_come_from_the_environment(served, monkeypatch):
    monkeypatch.setenv("IMATLAS_STUDIO_TOKEN", TOKEN)
    assert TOKEN in run("--no-open")


def test_a_host_that_others_can_reach_is_warned_of(served):
    assert "can be reached from other machines" in run("--host", "0.0.0.0", "--token", TOKEN, "--no-open")
    refused = CliRunner().invoke(app, ["studio", "shapes.atlas", "--host", "0.0.0.0", "--json"])
    assert refused.exit_code == 1
    assert "--token" in json.loads(refused.stdout)["error"]


def test_what_is_no_atlas_is_refused_in_words(tmp_path):
    refused = CliRunner().invoke(app, ["studio", str(tmp_path), "--port", "0", "--no-open", "--json"])
    assert refused.exit_code == 1
    assert "is not an atlas" in json.loads(refused.stdout)["error"]


@pytest.mark.slow
def test_a_killed_server_that_is_started_again_is_opened_by_the_same_cookie(atlas):
    """As from a terminal: the port is free again at once, and the page that is still open goes on."""
    port, cookies = "0", httpx.Cookies()
    for number in (signal.SIGKILL, signal.SIGTERM):
        command = [sys.executable, "-m", "imatlas.app.cli", "studio", str(atlas), "--port", port, "--token", TOKEN, "--json"]
        server = subprocess.Popen([*command, "--no-open"], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            with httpx.Client(base_url=f"http://127.0.0.1:{told['port']}", cookies=cookies, timeout=60) as page:
                if port == "0":
                    assert page.get(told["address"]).status_code == 303
                assert page.get("/api/atlas").json()["name"] == "shapes"
                port, cookies = str(told["port"]), page.cookies
            server.send_signal(number)
            assert server.wait(60) == (143 if number == signal.SIGTERM else -number)
        finally:
            server.kill()
