"""What happened, for clients: the log of events, the stream of them, warnings."""
