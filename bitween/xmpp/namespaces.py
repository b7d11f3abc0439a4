"""The XML namespaces and feature names that the client uses, one table."""

from __future__ import annotations

#: What bitween adds to XMPP (docs/protocol.rst).
NS_BITWEEN = "urn:bitween:1"
#: What bitween adds since its transfers are sealed, and the feature of a device that speaks it.
NS_BITWEEN_2 = "urn:bitween:2"
#: The node of our shares, and the namespace of its payload, both the prototype's.
NS_SHARES = "https://xmpp.kwoh.de/protocol/shares"
#: The feature of a device that answers dial-back and connect requests.
NS_PEER_REQUESTS = "urn:bitween:1#encounters"
#: The feature of a device that can prove to share a local network with us.
NS_NEIGHBOURS = "urn:bitween:1#neighbours"

# RFC 6120
NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
NS_STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"

# RFC 6121
NS_ROSTER = "jabber:iq:roster"
NS_PRE_APPROVAL = "urn:xmpp:features:pre-approval"

# XEP-0004
NS_X_DATA = "jabber:x:data"
# XEP-0030
NS_DISCO_INFO = "http://jabber.org/protocol/disco#info"
NS_DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
# XEP-0047
NS_IBB = "http://jabber.org/protocol/ibb"
# XEP-0050
NS_COMMANDS = "http://jabber.org/protocol/commands"
# XEP-0059
NS_RSM = "http://jabber.org/protocol/rsm"
# XEP-0060
NS_PUBSUB = "http://jabber.org/protocol/pubsub"
NS_PUBSUB_EVENT = f"{NS_PUBSUB}#event"
NS_PUBSUB_OWNER = f"{NS_PUBSUB}#owner"
NS_PUBSUB_NODE_CONFIG = f"{NS_PUBSUB}#node_config"
NS_PUBLISH_OPTIONS = f"{NS_PUBSUB}#publish-options"
# XEP-0065
NS_BYTESTREAMS = "http://jabber.org/protocol/bytestreams"
# XEP-0092
NS_VERSION = "jabber:iq:version"
# XEP-0115
NS_CAPS = "http://jabber.org/protocol/caps"
# XEP-0172
NS_NICK = "http://jabber.org/protocol/nick"
# XEP-0191
NS_BLOCKING = "urn:xmpp:blocking"
# XEP-0198
NS_SM = "urn:xmpp:sm:3"
# XEP-0199
NS_PING = "urn:xmpp:ping"
# XEP-0202
NS_TIME = "urn:xmpp:time"
# XEP-0215
NS_EXTERNAL_SERVICES = "urn:xmpp:extdisco:2"
# XEP-0279
NS_IP_CHECK = "urn:xmpp:sic:1"
# XEP-0280
NS_CARBONS = "urn:xmpp:carbons:2"
# XEP-0334
NS_HINTS = "urn:xmpp:hints"
# XEP-0440
NS_CHANNEL_BINDING = "urn:xmpp:sasl-cb:0"
