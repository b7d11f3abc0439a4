"""Sockets: own addresses, probes, STUN, relays."""
