"""The pure core: values and rules that know no reactor, no XML and no libtorrent."""
