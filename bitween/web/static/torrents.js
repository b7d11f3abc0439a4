// What we share and download, and how far it is.

import { NextAccess } from "/web/access_choice.js";
import { endText, isForEverybody, whoLabel, whoText } from "/web/access_text.js";
import { icon, iconButton, make, named, relabel, say } from "/web/dom.js";
import { Refused } from "/web/errors.js";
import { percent, rate, size } from "/web/format.js";
import { aboutText } from "/web/note_form.js";
import { PeersDialog } from "/web/peers.js";
import "/web/question.js";
import { isDeletable } from "/web/removal.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { facts, isSettled } from "/web/torrent_text.js";
import { isHopeless, remedyText, troubleText } from "/web/trouble.js";
import "/web/graph.js";
import "/web/left_out.js";
import "/web/share_form.js";
import "/web/upload.js";
import "/web/virtual_list.js";

// What is told of one and of several that leave the list.
const REMOVALS = {
  deleted: ["removingData", "removingDataMany"], removed: ["removing", "removingMany"], stopped: ["stopping", "stoppingMany"],
};
const nameOf = (torrent) => torrent.name || t("unnamed");

class TorrentRow extends HTMLElement {
  #view;
  #torrent = null;
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts" });
  #error = make("span", { class: "trouble" });
  #bar = make("progress", { max: 1 });
  #percent = make("span", { class: "percent" });
  #progress = make("span", { class: "bar" }, this.#bar, this.#percent);
  #mend = make("button", { type: "button", class: "mend", click: () => this.#view.mend(this.#torrent) });
  #peers = iconButton("peers", "", () => this.#view.openPeers(this.#torrent));
  #audience = make("button", { type: "button", class: "audience", click: () => this.#view.openAccess(this.#torrent) });
  #pause = iconButton("pause", "", () => this.#view.toggle(this.#torrent));
  #files = iconButton("files", "", () => this.#view.openFiles(this.#torrent));
  #remove = iconButton("remove", "", () => this.#view.askToRemove(this.#torrent));

  constructor(view) {
    super();
    this.#view = view;
    this.append(
      make("span", { class: "texts" }, this.#name, this.#facts, this.#error),
      this.#audience, this.#progress, this.#mend,
      make("span", { class: "actions" }, this.#pause, this.#peers, this.#files, this.#remove));
  }

  fill(torrent) {
    if (torrent === this.#torrent) return;
    this.#torrent = torrent;
    const name = nameOf(torrent);
    say(this.#name, name);
    this.#name.title = name;
    say(this.#facts, facts(torrent, (jid) => this.#view.contactName(jid)));
    this.#facts.title = aboutText(torrent);
    this.#fillTrouble(torrent, name);
    this.#bar.value = torrent.progress;
    this.#bar.setAttribute("aria-label", t("progressOf", { name }));
    say(this.#percent, percent(torrent.progress));
    this.classList.toggle("complete", isSettled(torrent));
    this.#fillAudience(torrent, name);
    const standing = torrent.state === "paused";
    relabel(this.#pause, standing ? "resume" : "pause", t(standing ? "resume" : "pause", { name }));
    relabel(this.#peers, "peers", t("peersOf", { name }));
    relabel(this.#files, "files", t("files", { name }));
    if (isDeletable(torrent)) relabel(this.#remove, "remove", t("remove", { name }));
    else relabel(this.#remove, "stop", t("stopSharing", { name }));
  }

  #fillAudience({ access, expires, listed }, name) {
    const who = whoLabel(access, (jid) => this.#view.contactName(jid));
    const end = endText(expires);
    const label = t("audienceOf", { name, who: [who, end].filter(Boolean).join(", ") });
    if (this.#audience.getAttribute("aria-label") === label && this.#audience.dataset.listed === `${listed}`) return;
    this.#audience.setAttribute("aria-label", label);
    this.#audience.dataset.listed = listed;
    const lines = make("span", { class: "texts" }, make("span", {}, who), make("span", { class: "end" }, end));
    this.#audience.replaceChildren(icon(isForEverybody(access) ? "peers" : listed ? "lock" : "contacts"), lines);
  }

  #fillTrouble(torrent, name) {
    const stuck = Boolean(torrent.error);
    this.classList.toggle("stuck", stuck);
    this.#mend.hidden = !stuck;
    this.#progress.hidden = this.#pause.hidden = stuck;
    say(this.#error, troubleText(torrent), torrent.error);
    this.#error.title = torrent.error ?? "";
    say(this.#mend, remedyText(torrent));
    this.#mend.setAttribute("aria-label", t("remedyLabel", { remedy: remedyText(torrent), name }));
  }
}

customElements.define("torrent-row", TorrentRow);

class JobRow extends HTMLElement {
  #text = named("");
  #bar = make("progress");

  begin(job, cancel) {
    const label = t("cancelLabel", { path: job.subject });
    this.setAttribute("role", "listitem");
    this.append(this.#text, this.#bar, iconButton("close", label, cancel));
    this.fill(job);
  }

  fill(job) {
    say(this.#text, t("hashing", { path: job.subject }));
    this.#bar.setAttribute("aria-label", this.#text.textContent);
    if (job.total) this.#bar.value = job.done / job.total;
  }
}

customElements.define("job-row", JobRow);

export class TorrentsView extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #leaving = new Set(); // hashes of those that are removed unless somebody undoes that
  #shown = [];
  #jobRows = new Map();
  #sharing = make("share-form");
  #uploads = make("upload-area");
  #jobs = make("div", { role: "list", class: "jobs", "aria-label": t("running") });
  #count = make("p", { class: "count" });
  #empty = make("p", { class: "empty" });
  #list = make("virtual-list", { "aria-label": t("torrents") });
  #files = null;
  #access = null;
  #asked = 0; // counts the calls of openAccess
  #peers = new PeersDialog();
  #removal = make("removal-dialog");
  #graph = make("rate-graph", { hidden: true });

  begin(daemon, toasts, { files, access }) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.#files = files;
    this.#access = access;
    const next = new NextAccess(daemon, access);
    this.#peers.begin(daemon, toasts);
    this.#graph.begin(daemon, toasts);
    this.append(
      make("h1", {}, t("torrents")),
      this.#sharing, this.#uploads, this.#jobs, this.#graph, this.#count, this.#list, this.#empty, this.#peers,
      this.#removal);
    this.#removal.begin(toasts, (torrent, withFiles) => this.#remove(torrent, withFiles));
    const question = make("question-dialog");
    this.closest("bitween-app").append(question); // above every view
    this.#uploads.begin(toasts, question, next);
    this.#sharing.begin(toasts, this.#uploads, question, next);
    this.#list.begin(() => new TorrentRow(this), "torrent-row", ({ hash }) => hash);
    daemon.addEventListener("torrents", () => this.#show());
    daemon.addEventListener("jobs", () => this.#showJobs());
    const tell = (event, many, textOf) => daemon.addEventListener(event, ({ detail }) => {
      toasts.tell(textOf(detail), { group: event, many: (n) => t(many, { n }) });
    });
    tell("finished", "finishedMany", (torrent) => t(torrent.complete ? "finished" : "finishedPart", { name: nameOf(torrent) }));
    tell("shared", "sharedMany", (result) => this.#sharedText(result));
    daemon.addEventListener("shared", ({ detail }) => this.#tellLeftOut(detail));
    daemon.addEventListener("failed", ({ detail }) => toasts.complain(new Refused(detail.error)));
  }

  open() {
    this.#list.show();
    this.#graph.look();
  }

  async toggle({ hash, state }) {
    await this.#toasts.attempt(() => call(state === "paused" ? "bt.resume" : "bt.pause", { hash }));
  }

  /** Do what helps a torrent that stands still. */
  async mend(torrent) {
    if (isHopeless(torrent)) this.askToRemove(torrent);
    else await this.#toasts.attempt(() => call("bt.mend", { hash: torrent.hash }));
  }

  contactName(jid) {
    return this.#daemon.nameOf(jid);
  }

  openPeers(torrent) {
    this.#peers.open(torrent);
  }

  openFiles(torrent) {
    this.#files.open(torrent);
  }

  /** Ask who may have a torrent; it has another hash if a contact loses it. */
  async openAccess(torrent) {
    const turn = ++this.#asked;
    const name = nameOf(torrent);
    const { hash } = torrent;
    let value = null;
    const read = async () => { value = await call("access.get", { hash }); };
    if (!(await this.#toasts.attempt(read, () => this.openAccess(torrent)))) return;
    if (turn !== this.#asked || !this.checkVisibility()) return;
    const keep = (chosen) => this.#toasts.attempt(async () => {
      const { access } = await call("access.set", { hash, ...chosen });
      this.#toasts.tell(t("accessSet", { name, who: this.#whoText(access) }));
    });
    this.#access.open({ title: t("whoMayHave", { name }), value, isShared: true, keep });
  }

  /** Stop sharing what is ours; of a download, ask first whether its files stay. */
  askToRemove(torrent) {
    if (isDeletable(torrent)) this.#removal.open(torrent);
    else this.#remove(torrent, false);
  }

  /** Remove it a while later, as far as this page shows at once. */
  #remove(torrent, withFiles) {
    const { hash } = torrent;
    const stay = () => {
      this.#leaving.delete(hash);
      this.#show();
    };
    this.#leaving.add(hash);
    const [one, many] = REMOVALS[withFiles ? "deleted" : isDeletable(torrent) ? "removed" : "stopped"];
    this.#toasts.undoable(t(one, { name: nameOf(torrent) }), async () => {
      const deletion = await call("bt.del_torrent", { hash, delete_data: withFiles });
      this.#leaving.delete(hash);
      if (withFiles) this.#tellDeleted(deletion);
    }, stay, { group: one, many: (n) => t(many, { n }) });
    this.#show();
  }

  #whoText(access) {
    return whoText(access, (jid) => this.contactName(jid));
  }

  #sharedText({ hash, name }) {
    const { access } = this.#daemon.torrents.get(hash) ?? {};
    if (!access || isForEverybody(access)) return t("shared", { name });
    return t("sharedFor", { name, who: this.#whoText(access) });
  }

  #tellDeleted({ files, size: bytes, trash }) {
    this.#toasts.tell(t(trash ? "trashed" : "deleted", { n: files, size: size(bytes) }));
  }

  #show() {
    const torrents = [...this.#daemon.torrents.values()].filter(({ hash }) => !this.#leaving.has(hash));
    torrents.sort((one, other) => other.added - one.added || (one.hash < other.hash ? -1 : 1));
    this.#shown = torrents;
    this.#showTotals(torrents);
    say(this.#empty, torrents.length ? "" : t("noTorrents"));
    const hidden = this.#graph.hidden;
    this.#graph.hidden = !torrents.length;
    if (hidden) this.#graph.look();
    this.#list.show({ count: torrents.length, at: (index) => this.#shown[index] });
  }

  #showTotals(torrents) {
    const sum = (key) => torrents.reduce((total, torrent) => total + (torrent[key] ?? 0), 0);
    const said = [t("torrentCount", { n: torrents.length }), size(sum("total_size"))];
    said.push(`↓ ${rate(sum("download_rate"))}`, `↑ ${rate(sum("upload_rate"))}`);
    say(this.#count, said.join(" · "));
  }

  #tellLeftOut(shared) {
    if (!shared.left_out_total) return;
    const note = document.createElement("left-out-note");
    note.begin(shared);
    this.#jobs.append(note);
  }

  #showJobs() {
    const { jobs } = this.#daemon;
    for (const [id, row] of this.#jobRows) {
      if (jobs.has(id)) continue;
      row.remove();
      this.#jobRows.delete(id);
    }
    for (const [id, job] of jobs) {
      if (this.#jobRows.has(id)) this.#jobRows.get(id).fill(job);
      else this.#addJob(id, job);
    }
  }

  #addJob(id, job) {
    const row = document.createElement("job-row");
    row.begin(job, () => this.#toasts.attempt(() => call("jobs.cancel", { job: id })));
    this.#jobRows.set(id, row);
    this.#jobs.append(row);
  }
}

customElements.define("torrents-view", TorrentsView);
