"""The user's own files: paths, browsing, hashing, uploads, deletion."""
