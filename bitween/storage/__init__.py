"""What outlives the daemon: the database, caches, the state directory."""
