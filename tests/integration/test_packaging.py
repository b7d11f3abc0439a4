"""However bitween is installed, twistd knows it."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv

from docutils import nodes
from docutils.core import publish_doctree
from twisted.trial.unittest import SynchronousTestCase

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_SOURCES = (
    *("bitween", "man", "twisted", "setup.cfg", "pyproject.toml", "README.rst", "LICENSE"),
    *("MANIFEST.in", "Makefile", ".ci", "benchmarks", "docs", "examples", "newsfragments"),
    *("tests", "tools"),
)
_BUILD_SDIST = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
_BUILD_WHEEL = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
_TWISTD_HELP = (
    "import sys; sys.argv[1:] = ['--help']; from twisted.scripts.twistd import run; run()"
)


class PackagingTests(SynchronousTestCase):
    """Each way to install it into a virtual environment of its own."""

    def setUp(self) -> None:
        """Copy the sources, which building would write into, and make the environment."""
        self.directory = tempfile.mkdtemp(prefix="bitween-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.sources = os.path.join(self.directory, "sources")
        self.environment = os.path.join(self.directory, "environment")
        self.python = os.path.join(self.environment, "bin", "python")
        os.makedirs(self.sources)
        for name in _SOURCES:
            self._copy(name)
        self._make_environment()

    def _copy(self, name: str) -> None:
        source, target = os.path.join(_ROOT, name), os.path.join(self.sources, name)
        if os.path.isdir(source):
            ignored = shutil.ignore_patterns("__pycache__", "dropin.cache", "_build")
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy(source, target)

    def _make_environment(self) -> None:
        """Its dependencies are those of the tests; a path file brings no editable bitween along."""
        venv.create(self.environment, symlinks=True)
        [site_packages] = glob.glob(f"{self.environment}/lib/python*/site-packages")
        with open(os.path.join(site_packages, "dependencies.pth"), "w", encoding="utf-8") as file:
            file.write("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))

    def run_python(self, *arguments: str) -> str:
        """Run the environment's Python among the sources; its output."""
        return self.run_command(self.python, *arguments, folder=self.sources)

    def run_command(self, *command: str, folder: str) -> str:
        """Run a program that must succeed; its output."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def install(self, *what: str) -> None:
        """Install with pip, offline."""
        pip = (sys.executable, "-m", "pip", "--python", self.python, "--disable-pip-version-check")
        options = ("--no-deps", "--no-build-isolation", "--no-index", "--force-reinstall")
        self.run_command(*pip, "install", *options, *what, folder=self.sources)

    def assert_installed(self, where: str) -> None:
        """Check that the installed one is found, and by twistd, too; not from the sources."""
        inside = "import bitween; print(bitween.__file__)"
        found = self.run_command(self.python, "-c", inside, folder=self.directory)
        self.assertTrue(found.startswith(where), found)
        for page in ("api.discovery.docs_page import docs_page", "web.page import web_pages"):
            make = f"from bitween.{page} as make; make()"
            self.run_command(self.python, "-c", make, folder=self.directory)
        shown = self.run_command(self.python, "-c", _TWISTD_HELP, folder=self.directory)
        self.assertRegex(shown, r"(?m)^ +bitween +Share files")
        self.assertNotIn("Traceback", shown)
        command = os.path.join(self.environment, "bin", "bitween")
        # As with pipx and uv, which put nothing else on the path.
        shown = self.run_command(command, "daemon", "--help", folder=self.directory)
        self.assertIn("--download-dir", shown)
        stopped = subprocess.run(
            (command, "daemon", "--jid", "alice@example.org"),
            env={"PATH": "/usr/bin:/bin", "HOME": self.directory},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(stopped.returncode, 1, stopped.stderr)
        self.assertIn("there is no password", stopped.stderr)
        self.assertIn("bitween 0.", self.run_command(command, "--version", folder=self.directory))

    def test_pip_install_from_a_folder(self) -> None:
        """``pip install .`` does it."""
        self.install(".")
        self.assert_installed(self.environment)
        manual = os.path.join(self.environment, "share", "man", "man1", "bitween.1")
        self.assertTrue(os.path.exists(manual))

    def test_pip_install_editable(self) -> None:
        """``pip install -e .`` does it, with the sources in their place."""
        self.install("--editable", ".")
        self.assert_installed(self.sources)

    def test_pip_install_from_a_wheel(self) -> None:
        """A wheel does it."""
        name = self.run_python("-c", _BUILD_WHEEL).splitlines()[-1]
        self.install(os.path.join("dist", name))
        self.assert_installed(self.environment)

    def test_pip_install_from_a_source_archive(self) -> None:
        """A source archive does it, and needs nothing but what it holds."""
        name = self.run_python("-c", _BUILD_SDIST).splitlines()[-1]
        archive = os.path.join(self.directory, name)
        shutil.move(os.path.join(self.sources, "dist", name), archive)
        self.install(archive)
        self.assert_installed(self.environment)

    def test_what_an_sdist_holds(self) -> None:
        """All sources, tests, documents and examples are in it, and nothing made of them."""
        name = self.run_python("-c", _BUILD_SDIST).splitlines()[-1]
        with tarfile.open(os.path.join(self.sources, "dist", name)) as archive:
            archive.extractall(self.directory, filter="data")
        unpacked = os.path.join(self.directory, name.removesuffix(".tar.gz"))
        held = self._files(unpacked)
        made = {path for path in held if path.startswith("bitween.egg-info/") or path == "PKG-INFO"}
        there = {
            path
            for path in self._files(self.sources)
            if not path.startswith(("bitween.egg-info/", "dist/"))
        }
        self.assertEqual(held - made, there)
        for path in (
            "tests/unit/bittorrent/files/test_layout.py",
            "docs/protocol.rst",
            "examples/clients/curl.sh",
        ):
            self.assertIn(path, held)
        tried = (
            "-m",
            "twisted.trial",
            "tests.unit.cli.test_manual",
            "tests.unit.bittorrent.files.test_layout",
        )
        self.run_command(self.python, *tried, folder=unpacked)

    @staticmethod
    def _files(folder: str) -> set[str]:
        return {
            os.path.relpath(os.path.join(above, name), folder)
            for above, _, names in os.walk(folder)
            for name in names
            if not name.endswith(".pyc")
        }

    def test_the_description_on_an_index(self) -> None:
        """It is plain reStructuredText, and shows nothing that only the sources have."""
        with open(os.path.join(_ROOT, "README.rst"), encoding="utf-8") as file:
            read = publish_doctree(file.read(), settings_overrides={"halt_level": 2})
        shown = [node["uri"] for node in read.findall(nodes.image)]
        named = [node["refuri"] for node in read.findall(nodes.reference)]
        self.assertEqual([uri for uri in (*shown, *named) if not uri.startswith("http")], [])

    def test_making_the_documents(self) -> None:
        """``make docs`` leaves those that are kept with the sources as they are."""
        for tool, kept in (
            (("tools/make-man",), "man/bitween.1"),
            (("-m", "bitween.api.discovery.reference"), "docs/api.rst"),
        ):
            path = os.path.join(self.sources, kept)
            with open(path, "rb") as file:
                before = file.read()
            printed = subprocess.run(
                (sys.executable, *tool), cwd=self.sources, stdout=subprocess.PIPE, check=True
            )
            with open(path, "rb") as file:
                self.assertEqual(printed.stdout or file.read(), before, kept)


class UnitTests(SynchronousTestCase):
    """The example of a systemd unit."""

    def setUp(self) -> None:
        """Read what it starts."""
        with open(os.path.join(_ROOT, "examples", "bitween@.service"), encoding="utf-8") as file:
            (self.start,) = (
                line.partition("=")[2] for line in file if line.startswith("ExecStart=")
            )
        self.home = os.path.abspath(self.mktemp())

    def test_it_finds_the_program(self) -> None:
        """It runs bitween wherever users install it, and names none of these places alone."""
        for place in ("bitween/bin", ".local/bin"):
            program = os.path.join(self.home, place, "bitween")
            os.makedirs(os.path.dirname(program))
            with open(program, "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\necho {place} "$@"\n')
            os.chmod(program, 0o755)
            command = self.start.replace("%h", self.home).replace("%i", "alice@example.org")
            said = subprocess.run(
                command.split(), env={}, stdout=subprocess.PIPE, text=True, check=True
            )
            self.assertEqual(said.stdout, f"{place} daemon --jid alice@example.org\n")
            os.unlink(program)
