"""Everything that touches libtorrent."""
