"""``devices.``: the keys of devices, and which of them you trust."""

from __future__ import annotations

from bitween.api.methods.qr import qr_rows
from bitween.api.results.encoding import devices as encoding
from bitween.api.results.shapes import devices as shapes
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Name
from bitween.app.application import Bitween
from bitween.model.device_link import device_link
from bitween.model.jid import parse_jid


class DeviceMethods(Namespace):
    """``devices.``: the keys of devices, and which of them you trust."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._devices = application.devices

    @reads
    def jsonrpc_list(self, jid: Name | None = None) -> shapes.Devices:
        """
        List the devices that are known, and how far each is trusted.

        ``blind``: the device has had the same key since the daemon first saw it; ``verified``: you
        have compared its fingerprint; ``signed``: a verified device of that account vouches for
        it; ``changed``: its key is another one than before, or missing now; ``none``: it has no
        key, you distrust it, or another device of that account is verified and this one is not. The
        last two get nothing that is not for everybody.

        :param jid: a bare JID, for the devices of this account only.
        """
        account = None if jid is None else parse_jid(jid).bare
        return {"devices": [encoding.device(device) for device in self._devices.list(account)]}

    @reads
    def jsonrpc_own(self) -> shapes.OwnDevice:
        """Show the fingerprint of this device, also as a QR code that others scan to verify it."""
        jid, resource, fingerprint = self._devices.own
        link = device_link(jid, resource, fingerprint)
        return {
            "jid": jid,
            "resource": resource,
            "fingerprint": fingerprint,
            "uri": link,
            "qr": qr_rows(link),
        }

    def jsonrpc_verify(self, jid: Name, resource: Name, fingerprint: Name) -> shapes.Device:
        """
        Trust a device whose fingerprint you have compared.

        From then on, other devices of that account count only if you verify them too, or a verified
        one vouches for them.

        :param jid: a bare JID.
        :param fingerprint: as the device itself shows it, at least its first 32 digits; spaces and
            colons do not matter.
        :raises UnknownResource: if the device is not known, or has no key.
        :raises InvalidValue: if its fingerprint is another one.
        """
        return encoding.device(self._devices.verify(parse_jid(jid).bare, resource, fingerprint))

    def jsonrpc_distrust(self, jid: Name, resource: Name) -> shapes.Device:
        """
        Let a device count no longer, until you verify it.

        :param jid: a bare JID.
        :raises UnknownResource: if the device is not known, or has no key.
        """
        return encoding.device(self._devices.distrust(parse_jid(jid).bare, resource))
