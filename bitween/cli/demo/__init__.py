"""``bitween demo``: everything on this machine, with two throw-away accounts."""
