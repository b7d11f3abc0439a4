"""The shares of all contacts, and search in them."""
