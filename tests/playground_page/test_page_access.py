"""Who is let in, and what a browser is told to allow."""

import aiohttp
import pytest

from tests.playground_page.visitor import address_of, session_of

PATHS = ("/", "/ws", "/static/page.js", "/static/nothing.js", "/files/F1", "/nothing", "/static/../server.py")


async def test_the_printed_address_lets_in_once_and_leaves_a_cookie_that_scripts_cannot_read(page):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(page.address, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        async with session.get(address_of(page) + "/") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/html"


@pytest.mark.parametrize("key", ["", "wrong", "ключ", "x" * 5000])
async def test_without_the_key_every_path_is_refused(page, key):
    async with aiohttp.ClientSession(headers={"Cookie": f"playground-{page.port}={key}"}) as session:
        for path in (*PATHS, f"/?key={key}"):
            async with session.get(address_of(page) + path) as answer:
                assert answer.status == 403
                assert "printed" in await answer.text()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:8765"])
async def test_another_host_name_is_refused_even_with_the_key(page, host):
    async with session_of(page) as session:
        for path in PATHS:
            async with session.get(path, headers={"Host": host}) as answer:
                assert answer.status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"])
async def test_another_origin_is_refused_even_with_the_key(page, origin):
    async with session_of(page) as session:
        for path in PATHS:
            async with session.get(path, headers={"Origin": origin}) as answer:
                assert answer.status == 403


async def test_the_pages_own_origin_may_open_the_socket(page):
    async with session_of(page) as session:
        for origin in (address_of(page), address_of(page).replace("127.0.0.1", "localhost")):
            async with session.ws_connect("/ws", headers={"Origin": origin}) as socket:
                assert (await socket.receive_json())["type"] == "snapshot"


async def test_every_answer_tells_the_browser_to_run_nothing_foreign(page):
    async with session_of(page) as inside, session_of(page, key="") as outside:
        for session in (inside, outside):
            for path in PATHS:
                async with session.get(path) as answer:
                    policy = answer.headers["Content-Security-Policy"]
                    assert "default-src 'none'" in policy
                    assert "script-src 'self';" in policy
                    assert "unsafe" not in policy
                    assert "frame-ancestors 'none'" in policy
                    assert f"ws://127.0.0.1:{page.port}" in policy
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
                    assert answer.headers["Referrer-Policy"] == "no-referrer"
                    assert answer.headers["Cache-Control"] == "no-store"
                    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_only_listed_files_are_served_and_nothing_is_written(page):
    async with session_of(page) as session:
        for path in ("/static/..%2fserver.py", "/static/%2e%2e/server.py", "/static/__init__.py", "/static/"):
            async with session.get(path) as answer:
                assert answer.status in (404, 400), path
        async with session.post("/", data=b"x") as answer:
            assert answer.status == 405


async def test_two_playgrounds_have_two_keys_and_two_ports(page, workspace, hub):
    other = type(page)(page._shown, hub, page._inspector, page._bot, 0)
    async with other:
        assert other.port != page.port
        assert other.address.partition("key=")[2] != page.address.partition("key=")[2]


async def test_one_browser_can_have_two_playgrounds_open(page, workspace, hub):
    async with (
        type(page)(page._shown, hub, page._inspector, page._bot, 0) as other,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        for each in (page, other, page):
            address = each.address if each is not page or not browser.cookie_jar else address_of(page)
            async with browser.get(address) as answer:
                assert answer.status == 200
