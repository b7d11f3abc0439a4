"""The connection to the XMPP server: DNS, TLS, SASL, stream, resumption."""
