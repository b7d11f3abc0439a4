"""The forms of earlier versions and of the prototype."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.annotation import Annotation
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.torrent import InfoHash
from bitween.xmpp.namespaces import NS_BITWEEN_2, NS_SHARES
from bitween.xmpp.shares.item_codec import parse_item
from tests.support.items import xml
from tests.support.published_items import HASH

PROTOTYPE = f"""
<item id='current'><user_shares xmlns='{NS_SHARES}'>
  <resource resource='laptop'>
    <share_item name='holiday' hash='{HASH}' size='123'/>
    <share_item name='work' hash='{HASH[::-1].upper()}' size='0'/>
    <ip_address address='192.0.2.7' port='6881'/>
    <ip_address address='2001:db8::7' port='6881'/>
  </resource>
  <resource resource='desk'>
    <share_item name='holiday' hash='{HASH}' size='123'/>
  </resource>
</user_shares></item>"""


class EarlierVersionTests(SynchronousTestCase):
    """The form of bitween 0.1, which knew no sealed transfers."""

    ITEM = f"""
    <item id='laptop'><user_shares xmlns='{NS_SHARES}'>
      <resource resource='laptop'>
        <share_item name='holiday' hash='{HASH}' size='123'>
          <annotation xmlns='urn:bitween:1' note='sun' tags='summer'/>
        </share_item>
        <ip_address address='192.0.2.7' port='6881'/>
        <ip_address address='2001:db8::7' port='6881'/>
        <candidate xmlns='urn:bitween:1' address='192.0.2.7' port='6881' kind='mapped'
                   reached='true'/>
        <candidate xmlns='urn:bitween:1' address='198.51.100.9' port='51413' kind='seen'/>
        <list xmlns='urn:bitween:1' id='5f0c0b7d2a9e4c11' revision='7' count='9' size='999'
              more='true' since='6'><gone hash='{HASH[::-1]}'/></list>
      </resource>
    </user_shares></item>"""

    def test_it_is_read_as_before(self) -> None:
        """Shares, addresses, candidates and the list; the device is plain, and not signed."""
        parsed = parse_item(xml(self.ITEM))
        (announced,) = parsed.announcements
        where, there = PeerAddress("192.0.2.7", 6881), PeerAddress("2001:db8::7", 6881)
        self.assertEqual((parsed.dropped, announced.addresses), (0, (where, there)))
        self.assertEqual(
            announced.candidates,
            (
                Candidate(where, CandidateKind.MAPPED, reached=True),
                Candidate(there),
                Candidate(PeerAddress("198.51.100.9", 51413), CandidateKind.REFLEXIVE),
            ),
        )
        (share,) = announced.shares.values()
        self.assertEqual(
            (share.annotation, share.seal, share.locked),
            (Annotation("sun", ("summer",)), b"", False),
        )
        self.assertEqual((announced.sealed, announced.device), (False, None))
        self.assertEqual((announced.list_id, announced.since), ("5f0c0b7d2a9e4c11", 6))
        self.assertEqual(announced.gone, (HASH[::-1],))

    def test_beside_a_device_its_addresses_do_not_count(self) -> None:
        """They are of a port at which nobody speaks sealed transfers."""
        device = (
            f"<device xmlns='{NS_BITWEEN_2}'>"
            "<candidate address='192.0.2.7' port='7000' kind='host'/></device></resource>"
        )
        (announced,) = parse_item(xml(self.ITEM.replace("</resource>", device))).announcements
        self.assertEqual(announced.candidates, (Candidate(PeerAddress("192.0.2.7", 7000)),))
        self.assertEqual((announced.addresses[0].port, announced.sealed), (7000, True))


class PrototypeTests(SynchronousTestCase):
    """The old form: one item that speaks of several resources."""

    def test_every_resource_is_read(self) -> None:
        """Shares and addresses come out under their resources."""
        parsed = parse_item(xml(PROTOTYPE))
        laptop, desk = parsed.announcements
        holiday = Share(InfoHash(HASH), "holiday", 123)
        self.assertEqual(parsed.dropped, 0)
        self.assertEqual(
            list(laptop.shares.values()), [holiday, Share(InfoHash(HASH[::-1]), "work", 0)]
        )
        self.assertEqual(
            [str(a) for a in laptop.addresses], ["192.0.2.7:6881", "[2001:db8::7]:6881"]
        )
        self.assertEqual(laptop.candidates, tuple(map(Candidate, laptop.addresses)))
        self.assertEqual(desk, Announcement("desk", {holiday.info_hash: holiday}, ()))
