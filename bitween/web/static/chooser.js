// Looks around on the daemon's machine for what to share.

import "/web/access_choice.js";
import { icon, legible, make, named, say } from "/web/dom.js";
import { size } from "/web/format.js";
import { call } from "/web/rpc.js";
import { share } from "/web/sharing.js";
import { t } from "/web/strings.js";
import "/web/virtual_list.js";

const PAGE = 500; // entries that are asked for at a time

/** What lies in a folder, read as far as somebody looks. */
class Listing {
  #pages = new Map();
  #read;
  #arrived;

  constructor(path, read, arrived) {
    this.path = path;
    this.#read = read;
    this.#arrived = arrived;
  }

  async begin() {
    const first = await call("bt.browse", { path: this.path, limit: PAGE });
    this.path = first.path;
    this.root = first.root;
    this.count = first.total;
    this.complete = first.complete;
    this.#pages.set(0, first.entries);
    return this;
  }

  at(index) {
    const page = Math.floor(index / PAGE);
    if (!this.#pages.has(page)) this.#load(page);
    return this.#pages.get(page)[index % PAGE] ?? null;
  }

  #load(page) {
    this.#pages.set(page, []);
    this.#read(async () => {
      const { entries } = await call("bt.browse", { path: this.path, offset: page * PAGE, limit: PAGE });
      this.#pages.set(page, entries);
      this.#arrived();
    });
  }
}

class EntryRow extends HTMLElement {
  #dialog;
  #entry = null;
  #picture = make("span", { class: "kind" });
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts" });
  #open = make("button", { type: "button", class: "plain", click: () => this.#dialog.look(this.#entry.path) });
  #share = make("button", { type: "button", click: () => this.#dialog.share(this.#entry.path) }, t("share"));
  #kind = null;

  constructor(dialog) {
    super();
    this.#dialog = dialog;
    this.append(this.#picture, make("span", { class: "texts" }, this.#name, this.#facts), this.#share);
  }

  fill(entry) {
    this.#entry = entry;
    this.classList.toggle("loading", entry === null);
    say(this.#name, entry?.name ?? "…");
    this.#share.hidden = !entry?.path || entry.shared;
    if (!entry) return;
    this.#name.title = legible(entry.name);
    const facts = entry.path === null ? [t("notUtf8")] : entry.kind === "file" ? [size(entry.size)] : [];
    this.#open.disabled = entry.path === null;
    if (entry.shared) facts.push(t("sharedAlready"));
    say(this.#facts, facts.join(" · "));
    this.#share.setAttribute("aria-label", t("shareLabel", { name: legible(entry.name) }));
    if (entry.kind !== this.#kind) this.#turn(entry.kind);
  }

  /** A folder's name is a button that opens it. */
  #turn(kind) {
    this.#kind = kind;
    this.#picture.replaceChildren(icon(kind === "folder" ? "files" : "file"));
    if (kind === "folder") {
      this.#name.replaceWith(this.#open);
      this.#open.append(this.#name);
    } else if (this.#open.isConnected) {
      this.#open.replaceWith(this.#name);
    }
  }
}

customElements.define("entry-row", EntryRow);

export class ChooserDialog extends HTMLElement {
  #toasts = null;
  #question = null;
  #next = null;
  #access = make("access-choice");
  #listing = null;
  #latest = 0;
  #steps = make("ol", { class: "steps" });
  #hint = make("p", { class: "facts", role: "status" });
  #list = make("virtual-list", { "aria-label": t("folderEntries") });
  #shareAll = make("button", { type: "button", class: "main", click: () => this.share(this.#listing.path) });
  #dialog = make("dialog", { "aria-labelledby": "choose-what" });

  begin(toasts, question, next) {
    this.#toasts = toasts;
    this.#question = question;
    this.#next = next;
    this.#access.begin(next);
    this.#dialog.append(
      make("h2", { id: "choose-what" }, t("chooseWhat")),
      make("nav", { "aria-label": t("whereYouAre") }, this.#steps),
      this.#hint,
      make("div", { class: "scroll tall", tabindex: 0 }, this.#list),
      this.#access,
      make("div", { class: "actions" }, this.#shareAll,
        make("button", { type: "button", click: () => this.#dialog.close() }, t("close"))));
    this.append(this.#dialog);
    this.#list.begin(() => new EntryRow(this), "entry-row", ({ path, name }) => path ?? name);
  }

  async open() {
    if (await this.look(this.#listing?.path ?? null)) return;
    if (this.#listing?.path) await this.look(null); // it is gone since
  }

  /** Show what lies in a folder; without one, where one may begin. */
  async look(path) {
    const turn = ++this.#latest;
    const read = (act) => this.#toasts.attempt(act, () => this.look(path));
    this.#shareAll.disabled = true; // who presses it now may mean the next folder
    const there = await read(async () => {
      let listing = await new Listing(path, read, () => this.#list.show()).begin();
      if (path === null && listing.count === 1) {
        listing = await new Listing(listing.at(0).path, read, () => this.#list.show()).begin();
      }
      if (turn !== this.#latest || !this.checkVisibility()) return; // somebody went on, or elsewhere, meanwhile
      this.#listing = listing;
      if (!this.#dialog.open) this.#dialog.showModal();
      this.#show();
    });
    if (turn === this.#latest) this.#shareAll.disabled = false;
    return there;
  }

  async share(path) {
    await this.#toasts.attempt(async () => {
      if (await share(path, this.#toasts, this.#question, this.#next) !== null) this.#dialog.close();
    });
  }

  #show() {
    const { path, count, complete } = this.#listing;
    this.#showSteps(this.#listing);
    say(this.#hint, count === 0 ? t(path === null ? "noRoots" : "emptyFolder") : complete ? "" : t("hugeFolder", { n: count }));
    this.#shareAll.hidden = path === null;
    say(this.#shareAll, t("shareFolder"));
    this.#list.parentElement.scrollTop = 0;
    this.#list.show(this.#listing);
    this.#steps.querySelector("[aria-current]")?.focus();
  }

  /** The way from where one may begin to here, to go back on. */
  #showSteps({ path, root }) {
    const steps = [[t("roots"), null]];
    if (path !== null) {
      steps.push([root.slice(root.lastIndexOf("/") + 1) || root, root]);
      for (let end = path.indexOf("/", root.length + 1); path.length > root.length; end = path.indexOf("/", end + 1)) {
        const above = end < 0 ? path : path.slice(0, end);
        steps.push([above.slice(above.lastIndexOf("/") + 1), above]);
        if (end < 0) break;
      }
    }
    const here = steps.pop();
    this.#steps.replaceChildren(
      ...steps.map(([text, target]) => make("li", {},
        make("button", { type: "button", class: "plain", click: () => this.look(target) }, named(text)))),
      make("li", {}, named(here[0], { "aria-current": "location", tabindex: -1 })));
  }
}

customElements.define("chooser-dialog", ChooserDialog);
