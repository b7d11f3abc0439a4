"""The shapes of results, and how values become them."""
