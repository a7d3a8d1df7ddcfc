"""What the guard needs to find in Crossbar."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: Crossbar warns and prints while it is imported.
CONTRACT = """
import inspect
from autobahn.twisted import util
from autobahn.wamp import message, serializer
from crossbar.common import checkconfig
from crossbar.router.broker import Broker
from crossbar.router.dealer import Dealer
from crossbar.common.twisted import endpoint
from crossbar.router.protocol import WampRawSocketServerProtocol, WampWebSocketServerProtocol
from crossbar.router.router import Router
from crossbar.router.session import RouterSession
from crossbar.worker import transport
from twisted.internet import abstract, tcp, unix
from twisted.protocols.policies import WrappingFactory
from twisted.web import http, server
from taskrealm.router import (
    connections, crowds, decisions, guard, handshake, outbox, paint, payloads, site, tls
)

def parameters(function):
    return list(inspect.signature(function).parameters)

assert parameters(Router.attach) == parameters(Router._detach) == ["self", "session"]
assert parameters(Router.process) == parameters(Router.send) == ["self", "session", "msg"]
assert parameters(Router.authorize) == ["self", "session", "uri", "action", "options"]
assert parameters(RouterSession.onMessage) == ["self", "msg"]
assert parameters(RouterSession.leave) == ["self", "reason", "message"]
assert {"_invocations", "_invocations_by_call"} <= set(inspect.getsource(Dealer).replace("self.", "").split())
assert "_session_to_subscriptions" in inspect.getsource(Broker.__init__)
assert parameters(RouterSession.onOpen) == ["self", "transport"]
assert parameters(RouterSession.onClose) == ["self", "wasClean"]
for kind in (message.Call, message.Publish, message.Subscribe, message.Register, message.Yield):
    assert hasattr(kind, "forward_for"), kind
for kind in guard._ANSWERED:
    assert kind.MESSAGE_TYPE and hasattr(kind, "request"), kind
assert parameters(WampWebSocketServerProtocol.onMessage) == ["self", "payload", "isBinary"]
assert parameters(WampWebSocketServerProtocol.onPing) == ["self", "payload"]
assert parameters(WampWebSocketServerProtocol._bailout) == ["self", "code", "reason"]
assert parameters(WampRawSocketServerProtocol.stringReceived) == ["self", "payload"]
assert parameters(WampRawSocketServerProtocol.lengthLimitExceeded) == ["self", "length"]
descriptor = abstract.FileDescriptor()
assert descriptor.dataBuffer == b"" and descriptor._tempDataLen == 0
for kind in (tcp.Server, unix.Server):
    assert issubclass(kind, abstract.FileDescriptor)
    assert callable(kind.startWriting) and callable(kind.abortConnection)
assert issubclass(endpoint.MaxConnectionsFactory, WrappingFactory)
assert callable(serializer._dumps) and callable(serializer._loads)
assert callable(util.peer_certificate_details)
assert parameters(endpoint._create_tls_server_context) == ["config", "cbdir", "log"]
assert parameters(transport.Site.__init__)[:2] == ["self", "resource"]
for name in ("allHeadersReceived", "allContentReceived", "requestDone", "connectionLost"):
    assert callable(getattr(http.HTTPChannel, name)), name
assert callable(http.HTTPChannel._respondToBadRequestAndDisconnect)
assert callable(http.Request.handleContentChunk)
assert "parsePOSTFormSubmission" in parameters(server.Request.__init__)

assert parameters(RouterSession.onHello) == ["self", "realm", "details"]
assert parameters(RouterSession.onAuthenticate) == ["self", "signature", "extra"]
assert "self._pending_auth = None" in inspect.getsource(RouterSession.onOpen)

guard.install(None, None, None)
connections.install(None, None)
site.install(None)
tls.install()
handshake.install()
decisions.install(None)
for module in paint.MODULES:
    assert any(hasattr(module, name) for name in paint.PAINTERS), module
paint.install()
outbox.install(None)
before = Router.send
crowds.install(None)
assert Router.send is not before
assert "event_dispatching_chunk_size" in inspect.getsource(checkconfig)
assert tcp.Server.startWriting is not abstract.FileDescriptor.startWriting
assert Router.process is not guard._process
assert RouterSession.onMessage is not guard._on_message
assert issubclass(endpoint.MaxConnectionsFactory, connections.MaxConnectionsFactory)
assert endpoint.MaxConnectionsFactory is not connections.MaxConnectionsFactory
assert issubclass(transport.Site, site.CrossbarSite)
"""


def test_crossbar_is_as_the_guard_needs_it() -> None:
    check = subprocess.run([sys.executable, "-c", CONTRACT], capture_output=True, text=True)

    assert check.returncode == 0, check.stderr
