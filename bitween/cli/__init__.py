"""The command line: a client of the JSON-RPC API, nothing more."""
