"""Decides whom to connect to, by which path, and who may connect to us."""
