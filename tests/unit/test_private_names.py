"""
The private parts of libraries that bitween relies on, since there is no public way.

A release of a library may drop or change them without a word.  So each is listed here, the versions
are bounded in ``setup.cfg``, and the tests tell at once what an upgrade has taken away.
"""

from __future__ import annotations

import ast
import configparser
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bitween
import bitween.xmpp  # patches what wokkel needs

ROOT = Path(bitween.__file__).parent

#: Private attributes by the class that has them: called, read, or overridden.
ATTRIBUTES = {
    "twisted.internet._sslverify.IOpenSSLTrustRoot": {"_addCACertsToContext"},
    "twisted.logger.FileLogObserver": {"_outFile"},
    "twisted.logger.FilteringLogObserver": {"_observer"},
    "twisted.logger.LogPublisher": {"_observers"},
    "twisted.web.http.HTTPChannel": {
        "_command",
        "_path",
        "_version",
        "_networkProducer",
        "_receivedHeaderCount",
        "_receivedHeaderSize",
        "_respondToBadRequestAndDisconnect",
    },
    "twisted.protocols.basic.LineReceiver": {"_buffer"},
    "twisted.words.protocols.jabber.sasl.SASLInitiatingInitializer": {"_deferred"},
    "twisted.words.protocols.jabber.xmlstream.XmlStream": {"_callLater"},
    "twisted.words.xish.domish.ExpatElementStream": {
        "_onStartElement",
        "_onEndElement",
        "_onCdata",
        "_onStartNamespace",
    },
    "twisted.words.xish.xmlstream.XmlStream": {"_initializeStream"},
    "txjsonrpc_ng.jsonrpc.BaseSubhandler": {"_getFunction"},
    "wokkel.client.XMPPClient": {"_authd"},
    "wokkel.pubsub.PubSubClient": {"_onEvent"},
    "wokkel.subprotocols.StreamManager": {
        "_connected",
        "_authd",
        "_disconnected",
        "_initialized",
        "_reactor",
    },
    "wokkel.xmppim.RosterClientProtocol": {"_onRosterSet"},
}
#: Private modules that are imported.
MODULES = {"twisted.internet._sslverify"}
#: Names that wokkel looks for in Twisted, and that ``bitween.xmpp`` puts there.
PROVIDED = {"twisted.python.compat._PY3"}
#: What has no promise of staying as it is, though it is not private by its name.
BOUNDED = {"twisted", "wokkel", "txjsonrpc-ng", "libtorrent", "scramp", "aioice"}

_LIBRARIES = ("twisted", "wokkel", "txjsonrpc_ng", "libtorrent", "aioice", "OpenSSL")


def resolve(name: str) -> type:
    """The class of a full name."""
    module, _, attribute = name.rpartition(".")
    found: type = getattr(importlib.import_module(module), attribute)
    return found


def has(cls: type, attribute: str) -> bool:
    """Whether a class has an attribute, or its instances are given it."""
    return hasattr(cls, attribute) or attribute in named(cls, ast.Store)


def relied_on() -> Iterator[tuple[str, str]]:
    """Every private attribute of a library's class that a class of bitween uses or overrides."""
    for found in pkgutil.walk_packages(bitween.__path__, "bitween."):
        importlib.import_module(found.name)
    for name, module in list(sys.modules.items()):
        for cls in vars(module).values() if name.startswith("bitween.") else ():
            if inspect.isclass(cls) and cls.__module__ == name:
                yield from _uses(cls)


def _uses(cls: type) -> Iterator[tuple[str, str]]:
    bases = [b for b in cls.__mro__ if b.__module__.partition(".")[0] in _LIBRARIES]
    if not bases:
        return
    for name in named(cls) | vars(cls).keys():
        if not name.startswith("_") or name.startswith("__"):
            continue
        for base in bases:
            if name in vars(base) or name in named(base, ast.Store):
                yield f"{base.__module__}.{base.__qualname__}", name


@cache
def named(cls: type, context: type[ast.expr_context] = ast.expr_context) -> frozenset[str]:
    """The attributes of ``self`` that stand in the source of a class, in a context."""
    node = _classes(cls.__module__).get(cls.__name__)
    return frozenset(
        found.attr
        for found in (ast.walk(node) if node is not None else ())
        if isinstance(found, ast.Attribute)
        and isinstance(found.value, ast.Name)
        and found.value.id == "self"
        and isinstance(found.ctx, context)
    )


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    file = sys.modules[module].__file__
    if file is None or not file.endswith(".py"):
        return {}
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


class PrivateNamesTests(SynchronousTestCase):
    """The tables above, held against the libraries and against bitween."""

    def test_private_names_exist_in_installed_versions(self) -> None:
        """The versions that are installed have all of them."""
        missing = [
            f"{name}.{attribute}"
            for name, attributes in ATTRIBUTES.items()
            for attribute in attributes
            if not (has(resolve(name), attribute) or attribute in resolve(name))  # type: ignore[operator]  # an interface
        ]
        self.assertEqual(missing, [])

    def test_no_others_are_relied_on_by_inheritance(self) -> None:
        """Each of our classes that uses or overrides a private name is listed here."""
        known = {(name, attribute) for name, all_of in ATTRIBUTES.items() for attribute in all_of}
        self.assertEqual(set(relied_on()) - known, set())

    def test_no_others_are_relied_on_from_outside(self) -> None:
        """Each place that reaches into something else says why, and what it reaches for."""
        known = set().union(*ATTRIBUTES.values()) | {place.rpartition(".")[2] for place in PROVIDED}
        # Of bitween's own, and of argparse, which is part of Python.
        known |= {"_link_lost", "_heir", "_actions", "_SubParsersAction"}
        wrong = [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for path in ROOT.rglob("*.py")
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if "SLF001" in line and not any(f".{name}" in line for name in known)
        ]
        self.assertEqual(wrong, [])

    def test_only_listed_private_modules_are_imported(self) -> None:
        """Only those are imported that are listed here."""
        imported = {
            node.module
            for path in ROOT.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module and "._" in f".{node.module}"
        }
        ours = {name for name in imported if name.startswith(("bitween", "__"))}
        self.assertEqual(imported - ours, MODULES)

    def test_versions_are_bounded(self) -> None:
        """What is relied on like that has an upper bound, so that an upgrade is a decision."""
        setup = configparser.ConfigParser()
        setup.read(ROOT.parent / "setup.cfg", encoding="utf-8")
        required = (
            setup["options"]["install_requires"] + setup["options.extras_require"]["test"]
        ).splitlines()
        for library in BOUNDED:
            (line,) = [line for line in required if line.split("[")[0].split(" ")[0] == library]
            self.assertRegex(line, r">= [\d.]+, < [\d.]+", library)
