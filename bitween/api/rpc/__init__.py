"""JSON-RPC: requests, parameters, answers."""
