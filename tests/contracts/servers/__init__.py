"""Contracts that need a real XMPP server: Prosody and ejabberd."""
