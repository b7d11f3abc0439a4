"""The life of one torrent, from the start of the daemon to its removal."""
