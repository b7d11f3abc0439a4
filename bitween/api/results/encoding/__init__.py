"""
Encodes the model's values as JSON: a module for each subject, as in :mod:`..shapes`.

Sizes are bytes, rates bytes/s, times seconds since the epoch (UTC), progress 0..1.  A value that is
unknown, or does not apply, is ``null``.
"""
