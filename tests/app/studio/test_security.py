"""Who is let in: only what names this server, comes from its own pages and brings the token; and how much of it."""

from __future__ import annotations

import pytest
from small_studio import GATE, ORIGIN, TOKEN

from imatlas.app.studio import security
from imatlas.app.studio.security import HEADERS, Gate, is_loopback, require_token
from imatlas.app.studio.server import listen
from imatlas.checks import InputError


def test_the_opened_address_leaves_a_cookie_that_opens_the_page(stranger):
    opened = stranger.get("/", params={"token": GATE.token})
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    assert opened.headers["set-cookie"] == f"imatlas-8642={GATE.token}; HttpOnly; SameSite=Strict; Path=/"
    assert GATE.token not in opened.text + opened.headers["location"]
    assert stranger.get("/api/nothing").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/?token=another", "/index.html", "/api/atlas", "/api/openapi.json", "/report", "/nothing"]
)
def test_nothing_is_given_without_the_token(stranger, path):
    refused = stranger.get(path)
    assert refused.status_code == 403
    assert "Open the address" in refused.json()["error"]


@pytest.mark.parametrize(
    "given",
    [
        {"cookie": f"imatlas-8643={GATE.token}"},
        {"cookie": f"imatlas-8642={GATE.token[:-1]}"},
        {"cookie": "imatlas-8642="},
        {"x-imatlas-token": ""},
        {"authorization": f"Bearer {GATE.token}"},
    ],
)
def test_a_token_in_another_place_or_another_token_opens_nothing(stranger, given):
    assert stranger.get("/api/atlas", headers=given).status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example:8642", "127.0.0.1:8643", "127.0.0.1", "localhost.evil.example:8642", "127.0.0.1:8642@evil.example", ""],
)
def test_another_host_is_refused_though_the_token_is_right(stranger, host):
    """So a name of another site that is made to lead here (DNS rebinding) reaches nothing."""
    refused = stranger.get("/api/atlas", headers=TOKEN | {"host": host})
    assert refused.status_code == 403
    assert "host" in refused.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:8642", "LOCALHOST:8642", "[::1]:8642"])
def test_all_names_of_this_machine_are_known(host):
    assert GATE.knows(host)


def test_a_gate_for_all_addresses_takes_addresses_and_no_names_of_others():
    gate = Gate("t" * 16, 80, "0.0.0.0")
    assert gate.knows("192.168.1.7")
    assert gate.knows("[fe80::1]:80")
    assert not gate.knows("evil.example")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8642", "http://127.0.0.1:9999"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused_though_the_token_is_right(stranger, method, origin):
    refused = stranger.request(method, "/api/atlas", headers=TOKEN | {"origin": origin})
    assert refused.status_code == 403
    assert origin in refused.json()["error"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_to_come_from_another_site_is_refused(stranger, site):
    """Other ports of this machine are the same site to a browser, and would get the cookie."""
    assert stranger.get("/api/atlas", headers=TOKEN | {"sec-fetch-site": site}).status_code == 403


def test_a_change_with_the_cookie_alone_needs_the_origin(stranger):
    cookie = {"cookie": f"imatlas-8642={GATE.token}"}
    assert stranger.post("/api/draw", json={"count": 0}, headers=cookie).status_code == 403
    assert stranger.post("/api/draw", json={"count": 0}, headers=cookie | ORIGIN).status_code == 422


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_bodies_that_a_form_of_another_site_can_send_are_not_taken(client, kind):
    refused = client.post("/api/draw", content=b'{"count": 1}', headers={"content-type": kind})
    assert refused.status_code == 415
    assert "application/json" in refused.json()["error"]


def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not(client, monkeypatch):
    monkeypatch.setattr(security, "ENOUGH", 1000)
    as_json = {"content-type": "application/json"}
    said = client.post("/api/nothing", content=b" " * 1001, headers=as_json)
    unsaid = client.post("/api/nothing", content=iter([b" " * 600] * 2), headers=as_json)
    assert (said.status_code, unsaid.status_code) == (413, 413)
    assert client.post("/api/nothing", content=iter([b" " * 500] * 2), headers=as_json).status_code in (404, 405)


def test_bodies_that_would_take_too_much_memory_together_are_told_to_wait(client, monkeypatch):
    monkeypatch.setattr(security, "MOST_HELD", 1)
    refused = client.post("/api/draw", json={})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/", "/api/atlas", "/nothing", "/api/openapi.json"])
@pytest.mark.parametrize("headers", [TOKEN, {}])
def test_every_answer_carries_the_safe_headers(stranger, path, headers):
    answer = stranger.get(path, headers=headers)
    assert {name: answer.headers.get(name) for name in HEADERS if name != "cache-control"} == {
        name: value for name, value in HEADERS.items() if name != "cache-control"
    }
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect", "/openapi.json"])
def test_the_pages_of_fastapi_which_load_from_outside_are_off(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/../application.py", "/%2e%2e/application.py", "/..%2f..%2fwords.py", "//etc/passwd", "/web/index.html", "/__init__.py"],
)
def test_no_path_leads_out_of_the_page(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fatlas", "0001%00", "%2e%2e", "0001.png%2f..", "٠٠٠١"])
def test_no_name_of_a_drawing_leads_out_of_its_folder(client, name):
    for answer in (client.get(f"/api/kept/{name}.png"), client.delete(f"/api/kept/{name}")):
        assert answer.status_code in (404, 405, 422)


def test_a_stranger_sees_a_page_that_says_what_to_do(stranger):
    page = stranger.get("/", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Open the address that imatlas studio printed" in page.text


def test_a_host_that_others_can_reach_needs_a_token_of_ones_own():
    with pytest.raises(InputError, match="--token"):
        listen("0.0.0.0", 0, None)


@pytest.mark.parametrize("token", ["short", "sixteen signs, but spaces", ""])
def test_a_token_that_is_easy_to_guess_or_breaks_an_address_is_refused(token):
    with pytest.raises(InputError, match="wanted 16 or more"):
        require_token(token)


def test_a_port_that_is_taken_is_said_and_two_studios_have_two_tokens():
    first, second = listen("127.0.0.1", 0, None), listen("127.0.0.1", 0, None)
    try:
        first.listener.listen()
        with pytest.raises(InputError, match="Choose another --port"):
            listen("127.0.0.1", first.gate.port, None)
        assert first.gate.token != second.gate.token
        assert first.address == f"http://127.0.0.1:{first.gate.port}/?token={first.gate.token}"
    finally:
        first.listener.close()
        second.listener.close()


@pytest.mark.parametrize(
    ("host", "known"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x", False)]
)
def test_loopback_is_told_from_what_others_can_reach(host, known):
    assert is_loopback(host) == known
