"""
A session: calls, procedures, subscriptions and publications in a realm.

It speaks WAMP in autobahn's messages over autobahn's transports, but it is not autobahn's
`ApplicationSession`, which hides from a callee that a call was forwarded, has no moment
"after the answer", answers what cannot be serialized with its repr, drops the connection
over an event that crosses an unsubscription, and prints tracebacks.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import uuid
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

from autobahn.wamp import message as wamp

from ..protocol import errors
from .outages import Disconnected
from .procedures import Call, Procedure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from .transport import Transport

logger = logging.getLogger(__name__)

LEAVE_TIMEOUT = 2.0  # seconds the router has to say goodbye
CANCELED = "wamp.error.canceled"

_UNAVAILABLE = {
    "wamp.error.no_such_procedure": "The executor is not there just now; try again in a moment",
    "wamp.error.procedure_already_exists": "Another executor has joined the realm",
    CANCELED: "The executor went away before it answered",
    # That is not "no": whoever could have said so is gone, as while the router stops.
    "wamp.error.authorization_failed": "The router cannot check what we may do just now",
}
_NOT_AUTHORIZED = "wamp.error.not_authorized"
_BAD_PAYLOAD = {"wamp.error.invalid_argument", "wamp.error.payload_size_exceeded"}


def log_failure(where: str, error: BaseException, reference: str) -> None:
    """Log that the code behind *where*, a URI, has failed; callers are told the *reference*."""
    logger.error("%s failed (reference %s)", where, reference, exc_info=error)


class Subscription:
    """One handler of one topic; made by `Session.subscribe`."""

    def __init__(
        self, session: Session, topic: str, lock: asyncio.Lock, handler: Callable[..., None]
    ) -> None:
        self.topic = topic
        self.handler = handler
        self._session = session
        self._lock = lock

    async def cancel(self) -> None:
        """
        Receive nothing more; what the router has sent already is dropped.

        With its session, also one that is lost meanwhile, a subscription ends by itself.
        """
        async with self._lock:
            with contextlib.suppress(Disconnected):
                await self._session._unsubscribe(self)


class Session:
    """A session that has joined a realm; made by `join`."""

    authid: str
    authrole: str
    session_id: int
    extra: dict[str, Any]
    """What the authenticator says about this session, such as its `uid`."""
    on_error: Callable[[str, BaseException, str], None]
    """Told where a handler failed, how, and under which reference; logs unless replaced."""
    on_refusal: Callable[[str, Call, errors.Error], None]
    """Told which procedure answered which call with an error of the wire contract."""

    def __init__(self, transport: Transport, welcome: wamp.Welcome) -> None:
        self.authid = welcome.authid
        self.authrole = welcome.authrole
        self.session_id = welcome.session
        self.extra = welcome.authextra or {}
        self.on_error = log_failure
        self.on_refusal = lambda *_: None
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._ended_by: str | None = None
        self._closed = asyncio.Event()
        self._last_request = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._taking: dict[int, Callable[[Any], Any]] = {}
        self._registering: dict[int, Procedure] = {}
        self._procedures: dict[int, Procedure] = {}
        self._running: dict[int, tuple[asyncio.Task[Any], Call]] = {}
        self._subscribing: dict[int, Subscription] = {}
        self._subscriptions: dict[int, list[Subscription]] = {}
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    @property
    def lost(self) -> asyncio.Future[str]:
        """Done, with the reason, when the session or its transport is gone."""
        # Shielded: whoever stops waiting must not cancel it for the others.
        return asyncio.shield(self._lost)

    async def call(self, uri: str, /, *args: Any, **kwargs: Any) -> Any:
        """
        The first result of the procedure *uri*.

        Whoever stops waiting, such as by `asyncio.timeout`, cancels the call.

        Raises:
            Error: What the callee answered, as the class of `protocol.errors` that it was.
            Unavailable: Nobody offers the procedure, or its callee died before it answered.
            TooLarge: The arguments or the result exceed what the router carries.
            Disconnected: The session is lost; the call may or may not have been executed.
        """
        request = self._next_request()
        return await self._ask(wamp.Call(request, uri, args=list(args), kwargs=kwargs))

    async def call_and_take(
        self, take: Callable[[Any], Any], uri: str, /, *args: Any, **kwargs: Any
    ) -> Any:
        """
        Like `call`, but the result is what *take* makes of it the moment it arrives.

        A coroutine goes on a little later, and events that came right behind the result
        have been handled by then; *take* runs before any of them.
        """
        request = self._next_request()
        self._taking[request] = take
        try:
            return await self._ask(wamp.Call(request, uri, args=list(args), kwargs=kwargs))
        finally:
            self._taking.pop(request, None)

    async def register(
        self, uri: str, handler: Callable[..., Any], *, match: str = "exact"
    ) -> None:
        """
        Offer *handler*, a function or coroutine function, as the procedure *uri*.

        It is called as `handler(call, *args, **kwargs)`; see `Call`. An `Error` that it
        raises reaches the caller as it is. Of any other exception the caller learns a
        reference, under which `on_error` was told the rest. With *match* `"prefix"`, *uri*
        stands for all procedures that begin with it.

        Raises:
            Unavailable: Another session offers this procedure.
            NotAuthorized: This session may not.
            Disconnected: The session is lost.
        """
        request = self._next_request()
        self._registering[request] = Procedure(uri, handler)
        await self._ask(wamp.Register(request, uri, match=match))

    async def subscribe(
        self, topic: str, handler: Callable[..., None], *, match: str = "exact"
    ) -> Subscription:
        """
        Call *handler* with the arguments of every event on *topic*, as it arrives.

        With *match* `"prefix"`, *topic* stands for all topics that begin with it.

        Raises:
            NotAuthorized: This session may not.
            Disconnected: The session is lost.
        """
        # The router knows one subscription per topic and session, however many handlers
        # share it: a new one must not overtake the end of the last.
        lock = self._locks.setdefault((topic, match), asyncio.Lock())
        async with lock:
            request = self._next_request()
            subscription = Subscription(self, topic, lock, handler)
            self._subscribing[request] = subscription
            try:
                await self._ask(wamp.Subscribe(request, topic, match=match))
            finally:
                self._subscribing.pop(request, None)
        return subscription

    def publish(
        self,
        topic: str,
        /,
        *args: Any,
        eligible: Sequence[int] | None = None,
        eligible_authid: Sequence[str] | None = None,
    ) -> None:
        """
        Publish *args* on *topic*, without waiting for the router to agree.

        Only the sessions in *eligible*, and only those with an authid in
        *eligible_authid*, receive it; None stands for all and an empty list for nobody.

        Raises:
            TooLarge: The message exceeds what the router carries.
            Disconnected: The session is lost.
        """
        self._require_session()
        for receivers in (eligible, eligible_authid):
            if receivers is not None and not receivers:
                return  # on the wire, an empty list would mean everybody
        self._transport.send(
            wamp.Publish(
                self._next_request(),
                topic,
                args=list(args),
                eligible=None if eligible is None else list(eligible),
                eligible_authid=None if eligible_authid is None else list(eligible_authid),
            )
        )

    async def leave(self) -> None:
        """Leave the realm and close the connection; calls in flight raise `Disconnected`."""
        if not self._lost.done():
            self._lose("The session was left")
            with contextlib.suppress(Disconnected):
                self._transport.send(wamp.Goodbye("wamp.close.normal"))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_TIMEOUT):
                    await self._closed.wait()
        finally:
            self._transport.abort()  # for a router that does not answer

    @property
    def is_lost(self) -> bool:
        """Whether the session or its transport is gone."""
        return self._lost.done()

    @property
    def backlog(self) -> int:
        """How many bytes of what was sent the router has not taken yet."""
        return self._transport.backlog

    def opened(self, transport: Transport) -> None:
        """Nothing to do: a session begins on an open transport."""

    def received(self, message: Any) -> None:
        """Handle a message from the router."""
        self._RECEIVED[type(message)](self, message)

    def closed(self, reason: str) -> None:
        """The transport is gone."""
        self._lose(reason)
        self._closed.set()

    async def _ask(self, request: Any) -> Any:
        """The router's reply to *request*, which is sent first."""
        self._require_session()
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[request.request] = reply
        try:
            self._transport.send(request)
            return await reply
        except asyncio.CancelledError:
            if isinstance(request, wamp.Call) and not self._lost.done():
                with contextlib.suppress(Disconnected):
                    self._transport.send(wamp.Cancel(request.request, "killnowait"))
            raise
        finally:
            self._waiting.pop(request.request, None)

    def _next_request(self) -> int:
        self._last_request += 1
        return self._last_request

    def _require_session(self) -> None:
        if self._lost.done():
            raise Disconnected(self._lost.result(), uri=self._ended_by)

    def _lose(self, reason: str) -> None:
        if self._lost.done():
            return
        self._lost.set_result(reason)
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(Disconnected(reason, uri=self._ended_by))

    async def _unsubscribe(self, subscription: Subscription) -> None:
        for number, subscriptions in self._subscriptions.items():
            if subscription in subscriptions:
                subscriptions.remove(subscription)
                if not subscriptions and not self._lost.done():
                    await self._ask(wamp.Unsubscribe(self._next_request(), number))
                return

    def _on_event(self, event: wamp.Event) -> None:
        # An event may cross the end of its subscription; then nobody is left to take it.
        for subscription in tuple(self._subscriptions.get(event.subscription, ())):
            try:
                subscription.handler(*(event.args or ()), **(event.kwargs or {}))
            except Exception as error:
                self.on_error(subscription.topic, error, _new_reference())

    def _on_result(self, result: wamp.Result) -> None:
        value = result.args[0] if result.args else None
        if (take := self._taking.get(result.request)) is not None:
            try:
                value = take(value)
            except Exception as error:
                self._fail(result.request, error)
                return
        self._settle(result.request, value)

    def _on_registered(self, registered: wamp.Registered) -> None:
        # Here, and not where register() goes on: the first call may be in the same read.
        self._procedures[registered.registration] = self._registering.pop(registered.request)
        self._settle(registered.request, None)

    def _on_subscribed(self, subscribed: wamp.Subscribed) -> None:
        subscription = self._subscribing.pop(subscribed.request, None)
        if subscription is not None:
            self._subscriptions.setdefault(subscribed.subscription, []).append(subscription)
            self._settle(subscribed.request, None)

    def _on_unsubscribed(self, unsubscribed: wamp.Unsubscribed) -> None:
        self._settle(unsubscribed.request, None)

    def _on_refusal(self, refusal: wamp.Error) -> None:
        self._registering.pop(refusal.request, None)
        self._fail(refusal.request, _error_from(refusal, self._transport.limit))

    def _settle(self, request: int, value: Any) -> None:
        reply = self._waiting.get(request)
        if reply is not None and not reply.done():
            reply.set_result(value)

    def _fail(self, request: int, error: Exception) -> None:
        reply = self._waiting.get(request)
        if reply is not None and not reply.done():
            reply.set_exception(error)

    def _on_invocation(self, invocation: wamp.Invocation) -> None:
        procedure = self._procedures[invocation.registration]
        progress = None
        if invocation.receive_progress:
            progress = functools.partial(self._send_progress, invocation.request)
        call = Call(
            caller=invocation.caller,
            authid=invocation.caller_authid,
            authrole=invocation.caller_authrole,
            forwarded=bool(invocation.forward_for),
            answered=self._loop.create_future(),
            room=self._transport.room,
            procedure=invocation.procedure or procedure.uri,
            progress=progress,
            args=invocation.args or (),
            kwargs=invocation.kwargs or {},
        )
        try:
            if None in (call.caller, call.authid, call.authrole):
                raise errors.NotAuthorized(
                    f"The router does not disclose who calls {procedure.uri}"
                )
            result = procedure.invoke(call, call.args, call.kwargs)
        except Exception as error:
            self._answer_error(invocation.request, procedure.uri, call, error)
            return
        if inspect.iscoroutine(result):
            # It answers by itself: a callback would have to wait for another turn of the loop.
            handling = self._handle(invocation.request, procedure.uri, call, result)
            self._running[invocation.request] = (self._loop.create_task(handling), call)
        else:
            self._answer(invocation.request, procedure.uri, call, result)

    async def _handle(
        self, request: int, uri: str, call: Call, handling: Coroutine[Any, Any, Any]
    ) -> None:
        """Answer a call when its handler has come to its end, or was interrupted before it began."""
        try:
            if call.interrupted.is_set():
                handling.close()
                raise asyncio.CancelledError
            result = await handling
        except asyncio.CancelledError:
            self._send_answer(call, _error(request, CANCELED, f"{uri} was cancelled"))
            raise
        except Exception as error:
            self._answer_error(request, uri, call, error)
        else:
            self._answer(request, uri, call, result)
        finally:
            del self._running[request]

    def _on_interrupt(self, interrupt: wamp.Interrupt) -> None:
        if (running := self._running.get(interrupt.request)) is not None:
            task, call = running
            call.interrupted.set()
            # Not at once: a task that has not begun yet would end without an answer.
            self._loop.call_soon(task.cancel)

    def _send_progress(self, request: int, value: Any) -> None:
        """Send a result before the last one, unless there is nobody left to take it."""
        if not self._lost.done():
            with contextlib.suppress(Disconnected):
                self._transport.send(wamp.Yield(request, args=[value], progress=True))

    def _answer(self, request: int, uri: str, call: Call, result: Any) -> None:
        try:
            self._send_answer(call, wamp.Yield(request, args=[result]))
        except Exception as error:
            self._answer_error(request, uri, call, error)

    def _answer_error(self, request: int, uri: str, call: Call, error: Exception) -> None:
        if isinstance(error, errors.Error):
            try:
                self._send_answer(call, _error(request, error.uri, error.message, error.data))
            except Exception as unsendable:
                error = unsendable
            else:
                self.on_refusal(uri, call, error)
                return
        reference = _new_reference()
        self.on_error(uri, error, reference)
        internal = errors.Internal(reference=reference)
        self._send_answer(call, _error(request, internal.uri, internal.message, internal.data))

    def _send_answer(self, call: Call, answer: Any) -> None:
        """Send *answer* unless there is nobody left to take it; says so to `call.answered`."""
        if not self._lost.done():
            with contextlib.suppress(Disconnected):
                self._transport.send(answer)
        if not call.answered.done():
            call.answered.set_result(None)

    def _on_goodbye(self, goodbye: wamp.Goodbye) -> None:
        if not self._lost.done():
            self._ended_by = goodbye.reason
            self._lose(goodbye.message or f"The router ended the session: {goodbye.reason}")
            with contextlib.suppress(Disconnected):
                self._transport.send(wamp.Goodbye("wamp.close.goodbye_and_out"))
        self._transport.close()

    _RECEIVED: ClassVar[dict[type, Callable[[Any, Any], None]]] = {
        wamp.Event: _on_event,
        wamp.Result: _on_result,
        wamp.Invocation: _on_invocation,
        wamp.Interrupt: _on_interrupt,
        wamp.Error: _on_refusal,
        wamp.Registered: _on_registered,
        wamp.Subscribed: _on_subscribed,
        wamp.Unsubscribed: _on_unsubscribed,
        wamp.Goodbye: _on_goodbye,
    }


def _new_reference() -> str:
    return uuid.uuid4().hex[:12]


def _error(request: int, uri: str, message: str, data: dict[str, Any] | None = None) -> wamp.Error:
    return wamp.Error(wamp.Invocation.MESSAGE_TYPE, request, uri, args=[message], kwargs=data or {})


def _error_from(refusal: wamp.Error, limit: int) -> errors.Error:
    """What the router or a callee refused, in the words of the wire contract."""
    uri = refusal.error
    text = str(refusal.args[0]) if refusal.args else ""
    if uri in _UNAVAILABLE:
        return errors.Unavailable(_UNAVAILABLE[uri])
    if uri == _NOT_AUTHORIZED:
        # The router names the session and the URI, which are nobody's business.
        return errors.NotAuthorized("The router does not allow this")
    if uri in _BAD_PAYLOAD and "exceed" in text:
        return errors.TooLarge(text, limit=limit)
    try:
        return errors.from_wire(uri, text, refusal.kwargs or {})
    except TypeError:  # its data have names that no error of ours can have
        return errors.Error(text or uri)
