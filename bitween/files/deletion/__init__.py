"""Deletes the files of torrents, or moves them to the trash if there is one."""
