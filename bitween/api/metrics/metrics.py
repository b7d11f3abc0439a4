"""``GET /metrics``: figures for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.events.log import EventLog
from bitween.api.http.error_page import ErrorPage
from bitween.api.metrics.transfer_counts import TransferCounts
from bitween.app.application import Bitween
from bitween.model.connection import ConnectionState
from bitween.model.job import JobState
from bitween.model.torrent import TorrentState

_CALL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

Result = TypeVar("Result")


class Metrics:
    """
    Figures: some are measured all the time, the others are read for each request.

    :ivar registry: all figures.
    """

    def __init__(self, application: Bitween, log: EventLog, clock: IReactorTime) -> None:
        self._clock = clock
        self.registry = CollectorRegistry()
        self._calls = Histogram(
            "bitween_rpc_seconds",
            "How long a call of an API method took.",
            ["method"],
            registry=self.registry,
            buckets=_CALL_SECONDS,
        )
        self._lag = Histogram(
            "bitween_reactor_lag_seconds",
            "How late the event loop came to what was due, measured once a second.",
            registry=self.registry,
            buckets=_LAG_SECONDS,
        )
        self.registry.register(_State(application, log))
        ProcessCollector(registry=self.registry)

    def call_began(self, method: str) -> Callable[[Result], Result]:
        """
        Start to measure a call.

        :param method: an existing method, so that there are not more labels than methods.
        :returns: a function to call with the outcome, which returns it.
        """
        started = self._clock.seconds()

        def ended(result: Result) -> Result:
            self._calls.labels(method).observe(self._clock.seconds() - started)
            return result

        return ended

    def reactor_was_late(self, seconds: float) -> None:
        """
        Record a measurement of the reactor's lag.

        :param seconds: the lag.
        """
        self._lag.observe(seconds)


class _State(Collector):
    """Figures of the application's current state."""

    def __init__(self, application: Bitween, log: EventLog) -> None:
        self._bitween = application
        self._log = log
        self._counts = TransferCounts(application)

    def collect(self) -> Iterator[Metric]:
        """Collect all figures."""
        yield from self._transfers()
        yield from self._contacts()
        jobs = Counter(job.state.value for job in self._bitween.jobs.all())
        yield _by_label(
            "bitween_jobs",
            "Jobs by state; those that ended stay for a while.",
            "state",
            {state.value: jobs[state.value] for state in JobState},
        )
        yield _counter("bitween_hashed_bytes", "Bytes hashed to be shared.", self._counts.hashed)
        yield _counter("bitween_events", "Events recorded.", self._log.count)

    def _transfers(self) -> Iterator[Metric]:
        states: Counter[str] = Counter()
        down = up = peers = 0
        # Once for all sums: there may be tens of thousands.
        for torrent in self._bitween.torrents.all():
            states[torrent.state.value] += 1
            progress = torrent.progress
            down += progress.download_rate
            up += progress.upload_rate
            peers += progress.peers
        yield _by_label(
            "bitween_torrents",
            "Torrents of ours by state.",
            "state",
            {state.value: states[state.value] for state in TorrentState},
        )
        yield _gauge("bitween_download_bytes_per_second", "What arrives.", down)
        yield _gauge("bitween_upload_bytes_per_second", "What is given to others.", up)
        yield _gauge("bitween_peers", "BitTorrent connections.", peers)
        yield _counter(
            "bitween_downloaded_bytes",
            "Bytes that arrived and were verified since the start.",
            self._counts.downloaded,
        )
        yield _counter(
            "bitween_uploaded_bytes",
            "Bytes given to others since the start.",
            self._counts.uploaded,
        )

    def _contacts(self) -> Iterator[Metric]:
        state = self._bitween.connection.status.state
        yield _by_label(
            "bitween_xmpp_state",
            "1 for where the connection to the XMPP server stands, 0 for the others.",
            "state",
            {known.value: int(known is state) for known in ConnectionState},
        )
        contacts = [contact.jid for contact in self._bitween.contacts.all() if contact.trusted]
        online = sum(bool(self._bitween.shares.catalogue.online(jid)) for jid in contacts)
        yield _gauge("bitween_contacts", "Contacts whom we follow.", len(contacts))
        yield _gauge("bitween_contacts_online", "Those who are online.", online)


class MetricsResource(Resource):
    """Sends the figures in the format that the client prefers."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render(self, request: Request) -> bytes:
        """Send all figures."""
        if request.method not in {b"GET", b"HEAD"}:
            return ErrorPage(405, "use GET", allow="GET, HEAD").render(request)
        accepted = request.getHeader(b"accept") or b""
        encode, content_type = choose_encoder(accepted.decode("latin-1"))
        request.setHeader(b"content-type", content_type.encode("ascii"))
        return encode(self._registry)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value)


def _by_label(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
