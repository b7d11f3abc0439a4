"""The composition root: only these modules see all parts of the daemon."""
