"""The log-in: SCRAM with the server's signature checked (RFC 5802, RFC 7677), PLAIN if allowed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from scramp import ScramClient, ScramException
from twisted.words.protocols.jabber import sasl, sasl_mechanisms
from twisted.words.protocols.jabber.sasl_mechanisms import ISASLMechanism
from zope.interface import implementer

NS_CHANNEL_BINDING = "urn:xmpp:sasl-cb:0"

#: Strongest first.
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1")

# Binding types by preference.  scramp does not do tls-exporter.
_BINDING_TYPES = ("tls-server-end-point", "tls-unique")


class ServerNotAuthentic(sasl.SASLError):
    """The server could not prove that it knows the password, or speaks no proper SCRAM."""


@implementer(ISASLMechanism)
class Scram:
    """
    One SCRAM exchange, as Twisted's SASL initializer drives it.

    :ivar verified: whether the server has proved that it knows the password.
    """

    def __init__(
        self, mechanism: str, user: str, password: str, binding: tuple[str, bytes] | None = None
    ) -> None:
        """
        :param binding: channel binding type and data, where it can be used.
        """
        self.name = mechanism
        self.verified = False
        self._client = ScramClient([mechanism], user, password, channel_binding=binding)
        self._answered = False

    def getInitialResponse(self) -> bytes:
        """The first message of the client."""
        return str(self._client.get_client_first()).encode()

    def getResponse(self, challenge: bytes) -> bytes:
        """
        Answer a challenge.

        :raises ServerNotAuthentic: if the challenge is not what RFC 5802 asks for.
        """
        if self._answered:
            # Some servers send their proof as a challenge, and an empty success after it.
            self.verify(challenge)
            return b""
        self._answered = True
        try:
            self._client.set_server_first(challenge.decode())
            return str(self._client.get_client_final()).encode()
        except (ScramException, UnicodeDecodeError) as error:
            raise ServerNotAuthentic(str(error)) from None

    def verify(self, proof: bytes) -> None:
        """
        Check the server's signature (RFC 5802 §3).

        :raises ServerNotAuthentic: if it is missing or wrong.
        """
        if self.verified and not proof:
            return
        try:
            self._client.set_server_final(proof.decode())
        except (ScramException, UnicodeDecodeError) as error:
            raise ServerNotAuthentic(str(error)) from None
        self.verified = True


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
    :param bindings: channel binding data of this TLS connection, by type.
    :param listed: the binding types that the server lists (XEP-0440), ``None`` if it lists none;
        then none is used, as some servers offer -PLUS where they cannot do it.
    :raises twisted.words.protocols.jabber.sasl.SASLNoAcceptableMechanism: if there is none.
    :raises scramp.ScramException: if SCRAM cannot express the password.
    """
    usable = [kind for kind in _BINDING_TYPES if kind in bindings and kind in (listed or ())]
    if usable:
        for name in SCRAM_MECHANISMS:
            if f"{name}-PLUS" in offered:
                binding = (usable[0], bindings[usable[0]])
                return Scram(f"{name}-PLUS", user, password, binding)
    for name in SCRAM_MECHANISMS:
        if name in offered:
            return Scram(name, user, password)
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

    def __init__(self, xs: Any, *, plain_allowed: bool) -> None:
        super().__init__(xs, required=True)
        self._plain_allowed = plain_allowed

    def initialize(self) -> Any:
        """Log in, or fail where the server offers no way to."""
        if self.feature not in self.xmlstream.features:
            raise sasl.SASLNoAcceptableMechanism
        return super().initialize()

    def setMechanism(self) -> None:
        """Choose how to log in."""
        authenticator = self.xmlstream.authenticator
        features = self.xmlstream.features
        listed = features.get((NS_CHANNEL_BINDING, "sasl-channel-binding"))
        self.mechanism = choose_mechanism(
            sasl.get_mechanisms(self.xmlstream),
            authenticator.jid.user,
            authenticator.password,
            channel_bindings(self.xmlstream.transport.getHandle()),
            None if listed is None else {e.getAttribute("type") for e in listed.elements()},
            plain_allowed=self._plain_allowed,
        )

    def onChallenge(self, element: Any) -> None:
        """Answer the server, or give up where it is not what it should be."""
        try:
            response = self.mechanism.getResponse(sasl.fromBase64(str(element)))
        except (ServerNotAuthentic, sasl.SASLIncorrectEncodingError) as error:
            self._give_up(error)
        else:
            self.sendResponse(response)

    def onSuccess(self, success: Any) -> None:
        """Believe the server only if it proved that it knows the password."""
        if isinstance(self.mechanism, Scram):
            try:
                self.mechanism.verify(sasl.fromBase64(str(success)))
            except (ServerNotAuthentic, sasl.SASLIncorrectEncodingError) as error:
                self._give_up(error)
                return
        super().onSuccess(success)

    def _give_up(self, error: Exception) -> None:
        self.xmlstream.removeObserver("/challenge", self.onChallenge)
        self.xmlstream.removeObserver("/success", self.onSuccess)
        self.xmlstream.removeObserver("/failure", self.onFailure)
        self._deferred.errback(error)
