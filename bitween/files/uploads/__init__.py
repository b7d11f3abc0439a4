"""What comes to the daemon's machine over HTTP, to be shared from there."""
