"""
A password in the forms in which servers may know it.

Servers do not agree on how a password is prepared: by RFC 4013 (SASLprep), by RFC 8265 (PRECIS), or
not at all.
"""

from __future__ import annotations

from contextlib import suppress

from bitween.model.preparation import Prohibited, opaque_string, saslprep


class Password:
    """A password in several forms, which are tried one after the other."""

    def __init__(self, password: str) -> None:
        self._forms = list(password_forms(password))

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms to try; one that has worked before comes first."""
        return tuple(self._forms)

    def worked(self, form: str) -> None:
        """
        Note which form the server has accepted.

        :param form: one of :attr:`forms`.
        """
        self._forms.remove(form)
        self._forms.insert(0, form)


def password_forms(password: str) -> tuple[str, ...]:
    """
    Prepare a password in each way that a server may use, each result once.

    :returns: SASLprep's, where that allows it, OpaqueString's, and the password as it is; for
        most passwords they are all the same.
    """
    forms = [opaque_string(password), password]
    with suppress(Prohibited):
        forms.insert(0, saslprep(password))
    return tuple(dict.fromkeys(filter(None, forms))) or ("",)
