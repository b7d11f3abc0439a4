"""Who may see a share, as a database holds it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.access import PRIVATE, Access, Audience
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import DEFAULT_OPTIONS, TorrentOptions
from bitween.storage.access_json import access_value, read_access
from bitween.storage.options_json import options_text, read_options


class AccessJsonTests(SynchronousTestCase):
    """What is stored is read again; what is damaged gives nothing away."""

    def test_every_field_is_kept(self) -> None:
        """Audiences, end, lock, introductions and the hash before."""
        audiences = Audience("a@x"), Audience("group:Café")
        access = Access(audiences, 12.5, True, False, InfoHash("ab" * 20), b"s" * 16)
        options = TorrentOptions(access=access)
        self.assertEqual(read_options(options_text(options)), options)

    def test_options_of_earlier_versions_are_for_everybody(self) -> None:
        """A torrent without this option is seen by all contacts, as before."""
        self.assertEqual(read_options(None), DEFAULT_OPTIONS)
        self.assertTrue(read_options('{"paused": true}').access.is_open)

    def test_damaged_options_are_for_the_own_devices(self) -> None:
        """The audience is not guessed."""
        for text in ("{", '{"access": 1}', '{"access": [[], null, false, true]}', '{"rank": "x"}'):
            with self.subTest(text=text):
                self.assertEqual(read_options(text).access, PRIVATE)

    @given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
    def test_any_value_is_read(self, value: object) -> None:
        """Nothing in a database makes reading fail, and what is read can be stored."""
        access = read_access(value)
        self.assertEqual(read_access(json.loads(json.dumps(access_value(access)))), access)
