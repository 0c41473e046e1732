"""Who may open the page: this machine, the right host name, the page's own origin, and a key that only its printed
address holds. And the headers that tell the browser to run nothing but the page's own files."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from aiohttp import web

HOST = "127.0.0.1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access:
    """One key for one run of the playground. `port` is set when it is known."""

    def __init__(self, port: int = 0) -> None:
        self.key = secrets.token_urlsafe(32)
        self.port = port

    @property
    def hosts(self) -> tuple[str, ...]:
        return (f"{HOST}:{self.port}", f"localhost:{self.port}")

    @property
    def cookie(self) -> str:
        """The cookie's name. Cookies belong to a host, whatever the port: playgrounds side by side need one each."""
        return f"playground-{self.port}"

    @property
    def address(self) -> str:
        """What a person opens in the browser."""
        return f"http://{HOST}:{self.port}/?key={self.key}"

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuses another machine, another `Host` (DNS rebinding), pages of another origin, and whoever has no key."""
        origin = request.headers.get("Origin")
        if request.remote != HOST or request.host not in self.hosts:
            return web.Response(status=403, text="This page is for the machine it runs on.")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return web.Response(status=403, text="Requests from other pages are refused.")
        given = request.query.get("key") if request.path == "/" else None
        if given is not None and self._is_key(given):
            return self._let_in()
        if not self._is_key(request.cookies.get(self.cookie, "")):
            return web.Response(status=403, text="Open the address that the playground printed: it ends in its key.")
        return await handler(request)

    def _is_key(self, text: str) -> bool:
        return compare_digest(text.encode(errors="backslashreplace"), self.key.encode())

    def _let_in(self) -> web.Response:
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(self.cookie, self.key, httponly=True, samesite="Strict", path="/")
        return answer

    async def add_headers(self, _request: web.BaseRequest, response: web.StreamResponse) -> None:
        """For every answer, refusals too."""
        sockets = " ".join(f"ws://{host}" for host in self.hosts)
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Server"] = "kubeai-bot playground"
