// The files of one torrent, and which of them are wanted.

import { iconButton, icon, make, named, relabel, say } from "/web/dom.js";
import { percent, size } from "/web/format.js";
import "/web/note_form.js";
import { addressOf } from "/web/preview.js";
import { call, fileTicket } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { troubleText } from "/web/trouble.js";
import "/web/virtual_list.js";

/** The path of a file below the folder that holds the torrent, which is named above the list. */
const below = (path) => path.slice(path.indexOf("/") + 1);

/** Which view is shown: what comes late must not lie over another one. */
const shownView = () => document.querySelector("main > :not([hidden])");

const RENEWAL = 30 * 60_000; // milliseconds after which a ticket is replaced: it is good for an hour
const PATIENCE = 1000; // milliseconds between two looks at how far the files are

class FileRow extends HTMLElement {
  #dialog;
  #file = null;
  #box = make("input", { type: "checkbox", change: () => this.#dialog.tick(this.#file, this.#box.checked) });
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts" });
  #first = iconButton("first", "", () => this.#dialog.prefer(this.#file));
  #view = iconButton("view", "", () => this.#dialog.view(this.#file));
  #open = make("a", { class: "button quiet", target: "_blank", rel: "noopener" }, icon("view"));
  #save = make("a", { class: "button quiet", download: true }, icon("torrents"));

  constructor(dialog) {
    super();
    this.#dialog = dialog;
    this.append(
      make("label", {}, this.#box, make("span", { class: "texts" }, this.#name, this.#facts)),
      make("span", { class: "actions" }, this.#first, this.#view, this.#open, this.#save));
  }

  fill(file) {
    this.#file = file;
    this.#box.checked = this.#dialog.wanted.has(file.index);
    this.#box.disabled = this.#dialog.fixed;
    say(this.#name, below(file.path));
    this.#name.title = file.path;
    const progress = file.size ? file.done / file.size : 1;
    say(this.#facts, `${size(file.size)} · ${percent(progress)}`);
    this.#fillActions(file);
  }

  #fillActions(file) {
    const { preview } = file;
    const name = below(file.path);
    const shown = preview !== null && this.#dialog.comes(file);
    const played = preview === "audio" || preview === "video";
    this.#first.hidden = this.#dialog.fixed || file.done === file.size || !this.#dialog.wanted.has(file.index);
    this.#first.setAttribute("aria-pressed", this.#dialog.first.has(file.index));
    relabel(this.#first, "first", t("fileFirst", { name }));
    this.#view.hidden = !shown || preview === "pdf";
    this.#open.hidden = !shown || preview !== "pdf";
    this.#save.hidden = file.done < file.size;
    relabel(this.#view, played ? "resume" : "view", t(played ? "play" : "view", { name }));
    for (const [link, text] of [[this.#open, "openTab"], [this.#save, "saveNamed"]]) {
      link.href = addressOf(this.#dialog.hash, file.index, this.#dialog.ticket);
      link.title = t(text, { name });
      link.setAttribute("aria-label", link.title);
    }
  }
}

customElements.define("file-row", FileRow);

export class FilesDialog extends HTMLElement {
  wanted = new Set(); // indexes
  first = new Set(); // indexes of those that are to be fetched before the others, in this order
  fixed = false; // whether there is nothing left to choose
  hash = null;
  ticket = ""; // for the addresses of the files
  #latest = 0; // counts the calls of open
  #renewing = 0;
  #daemon = null;
  #toasts = null;
  #fresh = false; // whether it is to be fetched only once files are chosen
  #name = "";
  #files = null;
  #looking = 0;
  #givenUp = Promise.resolve(); // kept when what was not chosen is gone
  #title = named("");
  #place = make("p", { class: "facts" });
  #error = make("p", { class: "trouble" });
  #hint = make("p", { role: "status" });
  #list = make("virtual-list", { "aria-label": t("filesOf") });
  #about = make("note-form");
  #choosing = make("div", { class: "actions" });
  #inOrder = make("input", { type: "checkbox" });
  #usual = make("div", { class: "actions" });
  #first = make("div", { class: "actions" });
  #preview = make("preview-dialog");
  #dialog = make("dialog", { close: () => this.#closed(), "aria-labelledby": "files-of" });

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    const button = (text, click, kind = "") => make("button", { type: "button", class: kind, click }, t(text));
    this.#choosing.append(
      button("all", () => this.#chooseAll(true)),
      button("none", () => this.#chooseAll(false)),
      make("label", { class: "check" }, this.#inOrder, t("inOrder")));
    this.#usual.append(
      button("save", () => this.#save(), "main"),
      button("close", () => this.#dialog.close()));
    this.#first.append(
      button("getThese", () => this.#get(), "main"),
      button("cancel", () => this.#dialog.close()));
    this.#dialog.append(
      make("h2", { id: "files-of" }, this.#title), this.#place, this.#about, this.#error, this.#hint, this.#choosing,
      make("div", { class: "scroll", tabindex: 0 }, this.#list),
      this.#usual, this.#first);
    this.#about.begin(toasts);
    this.append(this.#dialog, this.#preview);
    this.#list.begin(() => new FileRow(this), "file-row", ({ index }) => `${this.hash} ${index}`);
    daemon.addEventListener("torrents", () => this.#update());
  }

  /** Show the files of a torrent that is ours. */
  async open({ hash, name }, { fresh = false, view = shownView() } = {}) {
    const turn = ++this.#latest;
    this.hash = hash;
    this.#name = name;
    this.#fresh = fresh;
    this.#files = null;
    this.#inOrder.checked = false;
    const reading = () => Promise.all([this.#read(), this.#renew()]);
    if (!(await this.#toasts.attempt(reading, () => this.open({ hash, name }, { fresh })))) return;
    if (turn !== this.#latest) {
      // Another one was opened meanwhile, and its ticks stay. Nothing of this one was chosen.
      if (fresh && hash !== this.hash) this.#giveUp(hash);
      return;
    }
    if (view !== shownView()) {
      this.#closed();
      return;
    }
    clearInterval(this.#renewing);
    this.#renewing = setInterval(() => this.#toasts.attempt(() => this.#renew()), RENEWAL);
    this.wanted = new Set((this.#files ?? []).filter((file) => file.wanted).map((file) => file.index));
    this.#about.hidden = fresh;
    this.#about.fill(this.#torrent ?? { hash });
    this.#show(); // before it opens: what is hidden then cannot have the focus
    if (!this.#dialog.open) this.#dialog.showModal();
    if (this.#files === null) this.#update(); // they may have come while nothing was shown yet
  }

  /** Show what contacts have, of which nothing is fetched before it is chosen. */
  async choose(share) {
    const { hash } = share;
    const view = shownView();
    await this.#givenUp; // else that would take this one away as well
    await this.#toasts.attempt(async () => {
      await call("bt.add_torrent_by_hash", { hash, paused: true });
      await this.open(share, { fresh: true, view });
    }, () => this.choose(share));
  }

  tick(file, wanted) {
    if (wanted) this.wanted.add(file.index);
    else this.wanted.delete(file.index);
    this.#list.show();
    this.#allow();
  }

  /** Have a file fetched before the others, or no longer. */
  prefer({ index }) {
    if (!this.first.delete(index)) this.first.add(index);
    this.#list.show();
  }

  /** Whether each byte of a file is here, or is being fetched. */
  comes(file) {
    return file.done === file.size || (file.wanted && this.#torrent?.state === "downloading");
  }

  view(file) {
    this.#preview.open(this.hash, file);
  }

  /** Look again soon, as torrents have changed. */
  #update() {
    if (!this.#dialog.open || this.#looking) return;
    if (!this.#torrent && !this.#fresh) {
      this.#dialog.close();
      return;
    }
    this.#looking = setTimeout(() => this.#look(), this.#files === null ? 0 : PATIENCE);
  }

  get #torrent() {
    return this.#daemon.torrents.get(this.hash);
  }

  async #look() {
    this.#looking = 0;
    const unknown = this.#files === null;
    if (!(await this.#toasts.read(() => this.#read()))) return;
    if (unknown) this.#chooseAll(true);
    this.#show();
  }

  async #read() {
    const { hash } = this;
    const { files, first, sequential } = await call("bt.get_files", { hash });
    if (hash !== this.hash) return; // another torrent's were asked for meanwhile
    if (this.#files === null) {
      this.#inOrder.checked = sequential;
      this.first = new Set(first);
    }
    this.#files = files;
  }

  async #renew() {
    const { hash } = this;
    const ticket = await fileTicket(hash);
    if (hash !== this.hash) return;
    this.ticket = ticket;
    this.#list.show();
  }

  #chooseAll(wanted) {
    this.wanted = new Set(wanted ? (this.#files ?? []).map((file) => file.index) : []);
    this.#list.show();
    this.#allow();
  }

  /** Nothing at all cannot be chosen. */
  #allow() {
    for (const group of [this.#usual, this.#first]) group.querySelector(".main").disabled = this.wanted.size === 0;
  }

  async #save() {
    await this.#toasts.attempt(async () => {
      await this.#setFiles();
      this.#dialog.close();
      this.#toasts.tell(t("saved"));
    });
  }

  async #get() {
    await this.#toasts.attempt(async () => {
      await this.#setFiles();
      await call("bt.resume", { hash: this.hash });
      this.#fresh = false;
      this.#dialog.close();
      this.#toasts.tell(t("begun", { name: this.#name }));
    });
  }

  async #setFiles() {
    const first = [...this.first].filter((index) => this.wanted.has(index));
    const chosen = { wanted: [...this.wanted], first, sequential: this.#inOrder.checked };
    await call("bt.set_files", { hash: this.hash, ...chosen });
  }

  #closed() {
    clearInterval(this.#renewing);
    clearTimeout(this.#looking);
    this.#looking = 0;
    // Nothing was chosen, and so nothing is wanted.
    if (this.#fresh) this.#giveUp(this.hash);
  }

  #giveUp(hash) {
    this.#givenUp = this.#toasts.attempt(() => call("bt.del_torrent", { hash }));
  }

  #show() {
    const torrent = this.#torrent;
    this.fixed = torrent?.complete ?? false;
    const unknown = this.#files === null;
    say(this.#title, torrent?.name || this.#name || t("unnamed"));
    say(this.#place, torrent ? t("liesIn", { path: torrent.save_path }) : "");
    say(this.#error, torrent ? troubleText(torrent) : "", torrent?.error);
    this.#choosing.hidden = this.fixed || unknown;
    this.#usual.hidden = this.#fresh;
    this.#first.hidden = !this.#fresh;
    this.#usual.querySelector(".main").hidden = this.fixed || unknown;
    this.#allow();
    say(this.#hint, unknown ? t("noFiles") : this.fixed ? "" : t("chooseFiles"));
    const files = this.#files ?? [];
    this.#list.show({ count: files.length, at: (index) => files[index] });
  }
}

customElements.define("files-dialog", FilesDialog);
