"""The tables of the database, one class for each concern."""
