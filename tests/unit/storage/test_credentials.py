"""Where the password comes from."""

from __future__ import annotations

import io
import os

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import ConfigurationError
from bitween.storage.credentials import VARIABLE, read_password


class Terminal(io.StringIO):
    """A standard input that is a terminal."""

    def isatty(self) -> bool:
        """Whether it is one: yes."""
        return True


class PasswordTests(SynchronousTestCase):
    """The order of sources, and what is refused."""

    def file(self, text: str, mode: int = 0o600) -> str:
        """A password file."""
        path: str = os.path.abspath(self.mktemp())
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def read(
        self,
        password_file: str | None = None,
        environ: dict[str, str] | None = None,
        stdin: str = "",
    ) -> str:
        """Read the password where nobody can be asked."""
        environ = {} if environ is None else environ
        return read_password(password_file, environ, io.StringIO(stdin), self.asked)

    def asked(self, question: str) -> str:
        """Fail: nobody is to be asked."""
        raise AssertionError(question)

    def test_the_first_line_of_the_file(self) -> None:
        """Only the line end is cut off: a password may end in a space."""
        self.assertEqual(self.read(self.file("pass word \nsecond line\n")), "pass word ")

    def test_byte_order_mark(self) -> None:
        """Some editors begin a file with one; it is no part of the password."""
        self.assertEqual(self.read(self.file("\ufeffsecret\n")), "secret")
        self.assertEqual(self.read("-", stdin="\ufeffsecret\n"), "secret")

    def test_a_dash_reads_the_password_from_standard_input(self) -> None:
        """A dash means standard input."""
        self.assertEqual(self.read("-", stdin="secret\n"), "secret")

    def test_systemd_credentials_come_before_the_environment(self) -> None:
        """A credential that systemd hands over is found, before the environment."""
        folder = self.mktemp()
        os.mkdir(folder)
        with open(os.path.join(folder, "xmpp-password"), "w", encoding="utf-8") as file:
            file.write("secret\n")
        environ = {"CREDENTIALS_DIRECTORY": os.path.abspath(folder), VARIABLE: "other"}
        self.assertEqual(self.read(environ=environ), "secret")

    def test_the_environment_is_cleared(self) -> None:
        """Whichever source wins, no child process inherits the password."""
        for path in (None, self.file("from file")):
            environ = {VARIABLE: "secret"}
            self.assertEqual(self.read(path, environ), "from file" if path else "secret")
            self.assertEqual(environ, {})

    def test_a_prompt_on_a_terminal(self) -> None:
        """A terminal is prompted."""
        self.assertEqual(read_password(None, {}, Terminal(), lambda _: "secret"), "secret")

    def test_a_file_that_others_can_read(self) -> None:
        """It is refused, with the command that mends it."""
        path = self.file("secret", mode=0o644)
        with self.assertRaises(ConfigurationError) as caught:
            self.read(path)
        self.assertIn(f"chmod 600 {path}", str(caught.exception))

    def test_missing_passwords_are_errors(self) -> None:
        """Nothing, an empty file, a missing file: each is said."""
        for path in (None, self.file("\nsecond"), "/nowhere/password"):
            with self.assertRaises(ConfigurationError):
                self.read(path)
