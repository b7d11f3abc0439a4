// What is known of the daemon: read once, and kept up by its events.

import { EVERYBODY } from "/web/access_text.js";
import { legible } from "/web/dom.js";
import { Live } from "/web/live.js";
import { call } from "/web/rpc.js";

const TORRENT_KEYS = [
  "hash", "name", "total_size", "done", "state", "complete", "progress", "download_rate",
  "upload_rate", "left", "peers", "eta", "save_path", "error", "trouble", "added", "origin",
  "waiting_for", "access", "expires", "listed",
];
const PATIENCE = 1000; // milliseconds in which what changes is gathered
const ENDED = new Set(["done", "failed", "cancelled"]);

/**
 * Dispatches `torrents`, `jobs`, `contacts`, `devices`, `requests`, `shares`, `status` and `warnings` when one of them changes, and
 * `finished`, `shared`, `failed`, `contactError` and `deviceChanged` when a torrent is complete, a job was done or was
 * not, a contact's server said no, or a device has another key than before.
 */
export class Daemon extends EventTarget {
  live = new Live();
  status = null; // as Api.status answers
  torrents = new Map(); // by hash
  jobs = new Map(); // those that run, by id
  contacts = [];
  requests = []; // of contacts who ask for a locked share, as access.requests answers
  defaultAccess = EVERYBODY; // who may have what is shared without a choice
  #devices = new Map(); // lists of devices, by the bare JIDs of their accounts
  #due = new Map(); // timers by what is to be done
  #missed = new Set(); // for each reading that goes on, what happened meanwhile
  #contactsAsked = 0;

  constructor() {
    super();
    const on = (type, take) => this.live.addEventListener(type, (event) => take(event.detail));
    const change = (type, take) => on(type, (detail) => {
      take(detail);
      for (const missed of this.#missed) missed.push(() => take(detail));
    });
    on("resync", () => this.read());
    change("torrent_added", (torrent) => this.#takeTorrents([torrent]));
    change("torrent_changed", ({ torrents }) => this.#takeTorrents(torrents));
    change("torrent_error", (torrent) => this.#takeTorrents([torrent]));
    change("torrent_removed", ({ hash }) => {
      this.torrents.delete(hash);
      this.#told("torrents");
    });
    for (const type of ["job_progress", "job_done", "job_failed"]) change(type, (job) => this.#takeJob(job));
    change("connection", (connection) => this.#takeConnection(connection));
    on("torrent_finished", (torrent) => this.#told("finished", torrent));
    on("job_done", ({ result }) => this.#told("shared", result));
    on("job_failed", (job) => job.state === "failed" && this.#told("failed", job));
    on("warning", () => this.#soon("warnings", () => this.#told("warnings")));
    on("contact_error", (trouble) => this.#told("contactError", trouble));
    on("access_requested", () => this.#soon("requests", () => this.readRequests()));
    on("device_trust", (device) => {
      this.#soon("devices", () => this.readDevices());
      if (device.trust === "changed") this.#told("deviceChanged", device);
    });
    for (const type of ["contact_online", "contact_offline", "contact_request", "contact_error", "contact_reach"]) {
      on(type, () => this.#soon("contacts", () => this.readContacts()));
    }
    for (const type of ["share_appeared", "share_gone", "contact_online", "contact_offline", "contact_reach"]) {
      on(type, () => this.#soon("shares", () => this.#told("shares")));
    }
  }

  /** Read everything anew. */
  async read() {
    try {
      await this.#reading(Promise.all([
        call("Api.status"),
        call("bt.get_torrents", { fields: TORRENT_KEYS }),
        call("jobs.list"),
        this.readContacts(),
        call("Api.settings"),
        this.readDevices(),
        this.readRequests(),
      ]), ([status, { torrents }, { jobs }, , { settings }]) => {
        this.status = status;
        this.defaultAccess = settings.find(({ name }) => name === "share-with")?.value ?? EVERYBODY;
        this.torrents = new Map(torrents.map((torrent) => [torrent.hash, torrent]));
        this.jobs = new Map(jobs.filter(({ state }) => !ENDED.has(state)).map((job) => [job.job, job]));
      });
    } catch (error) {
      this.live.lost(error);
      return;
    }
    this.live.settled();
    for (const what of ["status", "torrents", "jobs", "shares"]) this.#told(what);
  }

  async readContacts() {
    const turn = ++this.#contactsAsked;
    const { contacts } = await call("xmpp.get_contacts");
    if (turn !== this.#contactsAsked) return; // what was asked for later is newer
    this.contacts = contacts;
    this.#told("contacts");
  }

  /** Read which devices are known, and how far each is trusted. */
  async readDevices() {
    const { devices } = await call("devices.list");
    this.#devices = Map.groupBy(devices, ({ jid }) => jid);
    this.#told("devices");
  }

  /** Read which contacts ask for a share that is locked for them. */
  async readRequests() {
    const { requests } = await call("access.requests");
    this.requests = requests;
    this.#told("requests");
  }

  /** The devices of an account whose keys are known, as `devices.list` has them. */
  devicesOf(jid) {
    return this.#devices.get(jid) ?? [];
  }

  async readStatus() {
    await this.#reading(call("Api.status"), (status) => {
      this.status = status;
    });
    this.#told("status");
  }

  /** Take an answer, and then once more what happened since it was asked for: it may be older than that. */
  async #reading(answer, take) {
    const missed = [];
    this.#missed.add(missed);
    try {
      take(await answer);
    } finally {
      this.#missed.delete(missed);
    }
    for (const again of missed) again();
  }

  /** How somebody is called, by their bare JID. */
  nameOf(jid) {
    return legible(this.contacts.find((contact) => contact.jid === jid)?.nick || jid);
  }

  #takeTorrents(changes) {
    for (const change of changes) {
      // Of one that is still being read a change tells too little to show it.
      if (!("added" in change || this.torrents.has(change.hash))) continue;
      this.torrents.set(change.hash, { ...this.torrents.get(change.hash), ...change });
    }
    this.#told("torrents");
  }

  #takeJob(change) {
    if (!("subject" in change || this.jobs.has(change.job))) return; // as with torrents
    const job = { ...this.jobs.get(change.job), ...change };
    if (ENDED.has(job.state)) this.jobs.delete(job.job);
    else this.jobs.set(job.job, job);
    this.#told("jobs");
  }

  #takeConnection(connection) {
    if (this.status === null) return; // it is being read
    this.status = { ...this.status, connection };
    this.#told("status");
    this.#soon("contacts", () => this.readContacts());
    this.#soon("shares", () => this.#told("shares"));
  }

  #soon(what, act) {
    if (this.#due.has(what)) return;
    this.#due.set(what, setTimeout(async () => {
      this.#due.delete(what);
      try {
        await act();
      } catch {
        this.live.connect();
      }
    }, PATIENCE));
  }

  #told(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
