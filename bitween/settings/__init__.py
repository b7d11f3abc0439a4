"""The settings of the daemon: one table of options, and everything that is made from it."""
