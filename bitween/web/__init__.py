"""The page with which a person uses the daemon in a browser."""
