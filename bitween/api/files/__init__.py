"""The bytes of files over HTTP, out and in."""
