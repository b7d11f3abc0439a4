"""One suite for a port, run against the fake and the real thing."""
