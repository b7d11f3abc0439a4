"""Deletes the files of torrents: moves them to the trash where there is one."""
