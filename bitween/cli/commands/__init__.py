"""The commands that talk to a daemon, by subject; the table has all of them."""
