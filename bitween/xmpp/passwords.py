"""
A password in the forms in which servers may know it.

Servers do not agree on how a password is prepared: RFC 4013 (SASLprep) knows only Unicode 3.2, so
some let newer characters pass, others follow RFC 8265 (PRECIS), or compare plain UTF-8.
"""

from __future__ import annotations

import stringprep
import unicodedata

# RFC 4013 §2.3.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class Password:
    """A password that is tried in one form after the other until one is right."""

    def __init__(self, password: str) -> None:
        self._forms = list(password_forms(password))

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms to be tried, the one that was right before first."""
        return tuple(self._forms)

    def worked(self, form: str) -> None:
        """Note which form the server took."""
        self._forms.remove(form)
        self._forms.insert(0, form)


def password_forms(password: str) -> tuple[str, ...]:
    """
    Prepare a password in each way that a server may use, each result once.

    :returns: SASLprep's, as far as that is possible, PRECIS' OpaqueString, and the password as it
        is; for most passwords they are all the same.
    """
    if password.isascii() and password.isprintable():
        return (password,)
    return tuple(dict.fromkeys([*_saslprep(password), _opaque_string(password), password]))


def _saslprep(text: str) -> list[str]:
    """
    Prepare a text by SASLprep (RFC 4013), which lets code points pass that Unicode 3.2 has not.

    :returns: the result; nothing for a text that it prohibits.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in text
        if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared or any(table(char) for char in prepared for table in _PROHIBITED):
        return []
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        # RFC 3454 §6: no mixture of directions.
        return []
    return [prepared]


def _opaque_string(text: str) -> str:
    """
    Prepare a text by OpaqueString (RFC 8265 §4.2.2).

    What that prohibits is the server's to refuse: the text would be tried as it is anyway.
    """
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)
    return unicodedata.normalize("NFC", spaced)
