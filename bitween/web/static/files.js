// The files of one torrent, and which of them are wanted.

import { make, named, say } from "/web/dom.js";
import { percent, size } from "/web/format.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import "/web/virtual_list.js";

const PATIENCE = 1000; // milliseconds between two looks at how far the files are

class FileRow extends HTMLElement {
  #dialog;
  #file = null;
  #box = make("input", { type: "checkbox", change: () => this.#dialog.choose(this.#file, this.#box.checked) });
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts" });

  constructor(dialog) {
    super();
    this.#dialog = dialog;
  }

  connectedCallback() {
    this.append(make("label", {}, this.#box, make("span", { class: "texts" }, this.#name, this.#facts)));
  }

  fill(file) {
    this.#file = file;
    this.#box.checked = this.#dialog.wanted.has(file.index);
    this.#box.disabled = this.#dialog.fixed;
    say(this.#name, file.path);
    this.#name.title = file.path;
    const progress = file.size ? file.done / file.size : 1;
    say(this.#facts, `${size(file.size)} · ${percent(progress)}`);
  }
}

customElements.define("file-row", FileRow);

export class FilesDialog extends HTMLElement {
  wanted = new Set(); // indexes
  fixed = false; // whether there is nothing left to choose
  #daemon = null;
  #toasts = null;
  #hash = null;
  #files = null;
  #looking = 0;
  #title = named("");
  #place = make("p", { class: "facts", dir: "auto" });
  #error = make("p", { class: "trouble", dir: "auto" });
  #hint = make("p");
  #list = make("virtual-list", { "aria-label": t("filesOf") });
  #choosing = make("div", { class: "actions" });
  #dialog = make("dialog", { close: () => clearTimeout(this.#looking), "aria-labelledby": "files-of" });

  begin(daemon, toasts, removeWithFiles) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    const button = (text, click, kind = "") => make("button", { type: "button", class: kind, click }, t(text));
    const remove = () => {
      this.#dialog.close();
      removeWithFiles(this.#torrent);
    };
    this.#choosing.append(
      button("all", () => this.#chooseAll(true)),
      button("none", () => this.#chooseAll(false)),
      button("save", () => this.#save(), "main"));
    this.#dialog.append(
      make("h2", { id: "files-of" }, this.#title), this.#place, this.#error, this.#hint, this.#choosing,
      make("div", { class: "scroll", tabindex: 0 }, this.#list),
      make("div", { class: "actions" },
        button("removeWithFiles", remove, "danger"),
        button("close", () => this.#dialog.close())));
    this.append(this.#dialog);
    this.#list.begin(() => new FileRow(this), "file-row");
  }

  async open({ hash }) {
    this.#hash = hash;
    this.#files = null;
    if (!(await this.#toasts.attempt(() => this.#read()))) return;
    this.wanted = new Set((this.#files ?? []).filter((file) => file.wanted).map((file) => file.index));
    this.#dialog.showModal();
    this.#show();
  }

  choose(file, wanted) {
    if (wanted) this.wanted.add(file.index);
    else this.wanted.delete(file.index);
  }

  /** Look again soon, as torrents have changed. */
  update() {
    if (!this.#dialog.open) return;
    if (!this.#torrent) {
      this.#dialog.close();
      return;
    }
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => this.#look(), PATIENCE);
  }

  get #torrent() {
    return this.#daemon.torrents.get(this.#hash);
  }

  async #look() {
    const unknown = this.#files === null;
    if (!(await this.#toasts.attempt(() => this.#read()))) return;
    if (unknown) this.#chooseAll(true);
    this.#show();
  }

  async #read() {
    this.#files = (await call("bt.get_files", { hash: this.#hash })).files;
  }

  #chooseAll(wanted) {
    this.wanted = new Set(wanted ? (this.#files ?? []).map((file) => file.index) : []);
    this.#list.show();
  }

  async #save() {
    await this.#toasts.attempt(async () => {
      await call("bt.set_files", { hash: this.#hash, wanted: [...this.wanted] });
      this.#dialog.close();
      this.#toasts.tell(t("saved"));
    });
  }

  #show() {
    const torrent = this.#torrent;
    if (!torrent) return;
    this.fixed = torrent.complete;
    say(this.#title, torrent.name || t("unnamed"));
    say(this.#place, t("liesIn", { path: torrent.save_path }));
    say(this.#error, torrent.error ?? "");
    this.#choosing.hidden = this.fixed || this.#files === null;
    say(this.#hint, this.#files === null ? t("noFiles") : this.fixed ? "" : t("chooseFiles"));
    const files = this.#files ?? [];
    this.#list.show({ count: files.length, at: (index) => files[index] });
  }
}

customElements.define("files-dialog", FilesDialog);
