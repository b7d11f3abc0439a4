"""Everything that knows libtorrent: hashing, moving bytes, and keeping what is ours."""
