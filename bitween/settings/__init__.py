"""What the person who runs the daemon sets: one table, from which everything else is made."""
