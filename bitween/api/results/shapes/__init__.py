"""
The shapes of results, as clients see them: a module for each subject.

:mod:`bitween.api.discovery.discover` describes them to clients: a text beside a type says what the
value is.  A value that is unknown, or does not apply, is ``null``.
"""
