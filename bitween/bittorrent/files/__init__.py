"""The files of torrents on the disk: names, layout, space."""
