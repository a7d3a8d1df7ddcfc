"""A port as the router opens it, with a program behind it: `… -m tests.node.behind PORT SOCKET LIMIT`."""

from __future__ import annotations

import sys

from crossbar.worker import transport
from twisted.internet import reactor
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource

from taskrealm.access.addresses import Proxies
from taskrealm.router import site
from taskrealm.router.deadlines import Deadlines
from taskrealm.router.proxy import Proxy


def main(port: int, socket: str, limit: int) -> None:
    """Pass what is below `/api` of *port*, up to *limit* bytes, on to *socket*, until killed."""
    deadlines = Deadlines(5.0)
    LoopingCall(deadlines.look).start(0.2)
    site.install(site.Terms(deadlines, limit, Proxies(["127.0.0.1"]), is_secure=False))
    root = Resource()
    root.putChild(b"api", Proxy({"socket": socket}))
    reactor.listenTCP(port, transport.Site(root), interface="127.0.0.1")
    sys.stdout.write("open\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
