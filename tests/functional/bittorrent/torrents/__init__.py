"""The modules that manage torrents, one by one."""
