"""Parts at work: with a clock of our own, in memory, or with a real libtorrent session."""
