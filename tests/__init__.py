"""The tests; trial finds them through these packages."""
