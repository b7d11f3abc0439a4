"""XMPP extensions that stand alone, one module each."""
