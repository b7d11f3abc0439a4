"""Private XMPP servers and certificates, for the demo, tests and benchmarks."""
