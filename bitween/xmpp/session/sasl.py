"""The log-in: SCRAM with the server's signature checked (RFC 5802, RFC 7677), PLAIN if allowed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import CancelledError, Deferred
from twisted.words.protocols.jabber import sasl, sasl_mechanisms
from twisted.words.protocols.jabber.xmlstream import Reset
from twisted.words.xish.xmlstream import STREAM_END_EVENT

from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_CHANNEL_BINDING
from bitween.xmpp.session.key_derivation import KeyDerivation
from bitween.xmpp.session.passwords import Password
from bitween.xmpp.session.scram import Scram, ServerNotAuthentic

#: Strongest first.
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1")

# Binding types by preference.
_BINDING_TYPES = ("tls-server-end-point", "tls-unique")


def choose_mechanism(
    offered: Collection[str],
    user: str,
    password: str,
    bindings: Mapping[str, bytes],
    listed: Collection[str] | None,
    *,
    plain_allowed: bool,
) -> Any:
    """
    Choose the strongest mechanism that both sides can do.

    :param offered: mechanisms that the server offers.
    :param user: the JID's local part.
    :param password: in the form to try; only PLAIN needs it here.
    :param bindings: channel binding data of this TLS connection, by type.
    :param listed: the binding types that the server lists (XEP-0440), ``None`` if it lists none;
        then none is used, as some servers offer -PLUS where they cannot do it.
    :param plain_allowed: whether the password may be sent where the server offers no SCRAM.
    :returns: a :class:`~bitween.xmpp.session.scram.Scram`, or Twisted's ``Plain``.
    :raises twisted.words.protocols.jabber.sasl.SASLNoAcceptableMechanism: if there is none.
    """
    usable = [kind for kind in _BINDING_TYPES if kind in bindings and kind in (listed or ())]
    if usable:
        for name in SCRAM_MECHANISMS:
            if f"{name}-PLUS" in offered:
                binding = (usable[0], bindings[usable[0]])
                return Scram(f"{name}-PLUS", user, binding)
    for name in SCRAM_MECHANISMS:
        if name in offered:
            return Scram(name, user)
    if plain_allowed and "PLAIN" in offered:
        return sasl_mechanisms.Plain(None, user, password)
    raise sasl.SASLNoAcceptableMechanism


def channel_bindings(connection: Any) -> dict[str, bytes]:
    """
    Compute the channel binding data of a TLS connection.

    :param connection: an ``OpenSSL.SSL.Connection``.
    :returns: ``tls-server-end-point`` (RFC 5929 §4), and for TLS up to 1.2 ``tls-unique`` (§3).
    """
    found: dict[str, bytes] = {}
    certificate = connection.get_peer_certificate(as_cryptography=True)
    if certificate is not None:
        end_point = _end_point(certificate)
        if end_point:
            found["tls-server-end-point"] = end_point
    if connection.get_protocol_version_name() != "TLSv1.3":
        found["tls-unique"] = connection.get_finished()
    return found


def _end_point(certificate: x509.Certificate) -> bytes | None:
    """The certificate's hash by its own signature's function, which is at least SHA-256."""
    try:
        function = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if function is None:
        # Undefined for signatures without one (Ed25519).
        return None
    name = "sha256" if function.name in {"md5", "sha1"} else function.name
    return hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()


class LogInInitializer(sasl.SASLInitiatingInitializer):
    """
    The step of the stream's negotiation that logs in.

    It must come after the one for TLS: PLAIN relies on that.
    """

    def __init__(
        self, xs: Any, password: Password, keys: KeyDerivation, *, plain_allowed: bool
    ) -> None:
        """
        :param xs: the stream, whose authenticator knows the JID.
        :param password: notes which of its forms the server accepts.
        :param keys: hashes it.
        :param plain_allowed: whether PLAIN may be used where the server offers no SCRAM.
        """
        super().__init__(xs, required=True)
        self._password = password
        self._keys = keys
        self._plain_allowed = plain_allowed
        self._forms = list(password.forms)
        self._observers = {
            "/challenge": self.onChallenge,
            "/success": self.onSuccess,
            "/failure": self.onFailure,
            STREAM_END_EVENT: self._stream_ended,
        }
        self._answering: Deferred[None] | None = None

    def initialize(self) -> Any:
        """Log in, or fail if the server offers no acceptable mechanism."""
        if self.feature not in self.xmlstream.features:
            raise sasl.SASLNoAcceptableMechanism
        return super().initialize()

    def start(self) -> Deferred[Any]:
        """Begin with the first form of the password."""
        self.setMechanism()
        done: Deferred[Any] = Deferred()
        self._deferred = done
        for event, observer in self._observers.items():
            self.xmlstream.addObserver(event, observer)
        self._begin()
        return done

    def setMechanism(self) -> None:
        """Choose the mechanism."""
        features = self.xmlstream.features
        listed = features.get((NS_CHANNEL_BINDING, "sasl-channel-binding"))
        self.mechanism = choose_mechanism(
            sasl.get_mechanisms(self.xmlstream),
            self.xmlstream.authenticator.jid.user,
            self._forms[0],
            channel_bindings(self.xmlstream.transport.getHandle()),
            None if listed is None else {e.getAttribute("type") for e in listed.elements()},
            plain_allowed=self._plain_allowed,
        )

    def _begin(self) -> None:
        scram = isinstance(self.mechanism, Scram)
        self.sendAuth(self.mechanism.first() if scram else self.mechanism.getInitialResponse())

    def onChallenge(self, element: Element) -> None:
        """Answer a challenge; fail if it is not allowed now."""
        if self._answering is not None:
            self._give_up(ServerNotAuthentic("a challenge before the last one was answered"))
            return
        self._answering = Deferred.fromCoroutine(self._answer(str(element)))
        self._answering.addBoth(self._answered)

    async def _answer(self, challenge: str) -> None:
        message = sasl.fromBase64(challenge)
        if not isinstance(self.mechanism, Scram):
            raise ServerNotAuthentic("a challenge where the mechanism has none")
        if self.mechanism.answered:
            # Some servers send their proof as a challenge, and an empty success after it.
            self.mechanism.verify(message)
            self.sendResponse()
            return
        request = self.mechanism.challenged(message)
        key = await self._keys.derive(self._forms[0].encode(), request)
        self.sendResponse(self.mechanism.final(key))

    def _answered(self, outcome: Any) -> None:
        self._answering = None
        if outcome is not None and not outcome.check(CancelledError):
            self._give_up(outcome.value)

    def onSuccess(self, success: Element) -> None:
        """Accept the success only if the server has proved that it knows the password."""
        if isinstance(self.mechanism, Scram):
            try:
                self.mechanism.verify(sasl.fromBase64(str(success)))
            except (ServerNotAuthentic, sasl.SASLIncorrectEncodingError) as error:
                self._give_up(error)
                return
        self._password.worked(self._forms[0])
        done = self._end()
        self.xmlstream.reset()
        self.xmlstream.sendHeader()
        done.callback(Reset)

    def onFailure(self, failure: Any) -> None:
        """
        Try the next form of the password, or fail.

        :param failure: the ``failure`` element (RFC 6120 §6.4.5).
        """
        names = [element.name for element in failure.elements()]
        condition = next((name for name in names if name != "text"), None)
        if condition != "not-authorized" or len(self._forms) == 1:
            self._give_up(sasl.SASLAuthError(condition))
            return
        # RFC 6120 §6.4.5: the same stream may be used for another attempt.
        self._stop_answering()
        del self._forms[0]
        self.setMechanism()
        self._begin()

    def _stream_ended(self, _: object) -> None:
        self._end()

    def _give_up(self, error: Exception) -> None:
        self._end().errback(error)

    def _end(self) -> Deferred[Any]:
        for event, observer in self._observers.items():
            self.xmlstream.removeObserver(event, observer)
        self._stop_answering()
        done: Deferred[Any] = self._deferred
        return done

    def _stop_answering(self) -> None:
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.cancel()
