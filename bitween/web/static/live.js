// Keeps up with what happens: a stream of events that comes back by itself.

import { LogInNeeded } from "/web/errors.js";
import { EventStream } from "/web/event_stream.js";
import { call } from "/web/rpc.js";

const FIRST_DELAY = 1000; // milliseconds, doubled after each try in vain
const LONGEST_DELAY = 15_000;
const TYPES = [
  "torrent_added", "torrent_changed", "torrent_finished", "torrent_removed", "torrent_error",
  "share_appeared", "share_gone", "contact_online", "contact_offline", "contact_request", "contact_error",
  "contact_reach", "device_trust", "access_requested",
  "job_progress", "job_done", "job_failed", "connection", "warning",
];

/**
 * Dispatches each event by its type, `resync` when everything is to be read anew, and `state`
 * when the state changes: "starting", "live", "logged-out", "away", or "insecure", where a browser
 * does not say which page asks, so that the daemon would refuse it the stream.
 */
export class Live extends EventTarget {
  state = "starting";
  needed = () => false; // whether to go on while nobody looks
  nextTry = 0; // while away: when, as Date.now() has it
  #stream = null;
  #last = null; // the id of the last event
  #delay = FIRST_DELAY;
  #timer = 0;
  #tries = 0;

  constructor() {
    super();
    // Browsers have six connections for all the pages of a daemon: who is not looked at needs none.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.needed()) return;
      if (document.hidden) this.#close();
      else if (this.state === "live" || this.state === "away") this.connect();
    });
  }

  /** See whether the daemon is there and knows us, and follow what happens. */
  async connect() {
    if (!isSecureContext) {
      this.#become("insecure");
      return;
    }
    const turn = ++this.#tries;
    this.#close();
    // Of several tries the last one counts: before it one may not have been logged in.
    try {
      await call("Api.versions");
      if (turn === this.#tries) this.#open();
    } catch (error) {
      if (turn === this.#tries) this.lost(error);
    }
  }

  /** Say that what was to be read has been: the next trouble is a new one. */
  settled() {
    this.#delay = FIRST_DELAY;
  }

  /** Say what was met in place of an answer. */
  lost(error) {
    this.#close();
    if (error instanceof LogInNeeded) this.#become("logged-out");
    else this.#later();
  }

  #open() {
    if (document.hidden && this.state === "live" && !this.needed()) return;
    const since = this.#last === null ? "" : `?since=${this.#last}`;
    const stream = new EventStream(`/events${since}`);
    this.#stream = stream;
    let opened = false;
    stream.addEventListener("open", () => {
      opened = true;
      if (this.#last === null || this.state !== "live") this.dispatchEvent(new Event("resync"));
      this.#become("live");
    });
    stream.addEventListener("error", () => {
      if (stream !== this.#stream) return;
      this.#close();
      if (opened) this.connect();
      else this.#later();
    });
    stream.addEventListener("resync", (event) => {
      this.#last = event.lastEventId;
      this.dispatchEvent(new Event("resync"));
    });
    for (const type of TYPES) {
      stream.addEventListener(type, (event) => {
        this.#last = event.lastEventId;
        this.dispatchEvent(new CustomEvent(type, { detail: JSON.parse(event.data).data }));
      });
    }
  }

  #close() {
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#stream = null;
  }

  #later() {
    this.nextTry = Date.now() + this.#delay;
    this.#timer = setTimeout(() => this.connect(), this.#delay);
    this.#delay = Math.min(LONGEST_DELAY, this.#delay * 2);
    this.#become("away");
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
