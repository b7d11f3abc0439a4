"""Describes the API to programs and people: OpenRPC, the reference, the page at ``/docs``."""
