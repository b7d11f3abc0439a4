"""Byte streams through XMPP servers: SOCKS5 and in-band."""
