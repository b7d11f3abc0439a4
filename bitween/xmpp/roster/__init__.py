"""Contacts: the roster, presence, blocking."""
