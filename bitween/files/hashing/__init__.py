"""Makes torrents of files, in a child process."""
