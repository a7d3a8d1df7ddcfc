"""Serves the page beside it, and a token to each visitor: TASKREALM_TOKEN=… python serve.py"""

from __future__ import annotations

import json
import os
import secrets
import sys
from http.cookies import SimpleCookie
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

MINT = os.environ.get("TASKREALM_API", "http://127.0.0.1:8080/api") + "/mint"


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/token":
            return super().do_GET()
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("visitor")
        visitor = secrets.token_hex(16) if cookie is None else cookie.value
        headers = {
            "Authorization": f"Bearer {os.environ['TASKREALM_TOKEN']}",
            "Content-Type": "application/json",
        }
        wish = json.dumps({"user": f"visitor-{visitor}", "minutes": 15}).encode()
        with urlopen(Request(MINT, wish, headers)) as answer:
            token = json.load(answer)["token"]
        self.send_response(200)
        self.send_header("Set-Cookie", f"visitor={visitor}; HttpOnly; SameSite=Lax; Path=/")
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(token.encode())


ThreadingHTTPServer(
    ("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 5000), Handler
).serve_forever()
