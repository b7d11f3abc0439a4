// What contacts share: found, sorted, and got.

import { iconButton, make, named, relabel, say } from "/web/dom.js";
import { percent, size } from "/web/format.js";
import { Found } from "/web/found.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import "/web/virtual_list.js";

const TYPING = 150; // milliseconds without a key after which is searched
const NAMED = 2; // of those who have something, how many are named in its row

/** The first letters of a name, for a picture of whom there is none. */
export function initials(name) {
  const words = name.split(/[\s@._-]+/u).filter(Boolean);
  const letters = words.slice(0, name.includes("@") ? 1 : 2).map((word) => [...word][0]);
  return letters.join("").toUpperCase();
}

/** A circle with initials, in a colour that stays the same for a JID. */
export function avatar(jid, name, online) {
  const tint = [...jid].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const circle = make("span", { class: online ? "avatar online" : "avatar", "aria-hidden": "true" }, initials(name));
  circle.style.setProperty("--tint", tint);
  return circle;
}

class ShareRow extends HTMLElement {
  #view;
  #item = null;
  #drawn = "";
  #face = make("span", { class: "face" });
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts", dir: "auto" });
  #get = make("button", { type: "button", class: "main", click: () => this.#view.get(this.#item) });
  #choose = iconButton("files", "", () => this.#view.choose(this.#item));
  #here = make("a", { href: "#torrents", class: "here" });

  constructor(view) {
    super();
    this.#view = view;
  }

  connectedCallback() {
    this.append(this.#face, make("span", { class: "texts" }, this.#name, this.#facts), this.#get, this.#choose, this.#here);
  }

  fill(item) {
    this.#item = item;
    this.classList.toggle("loading", item === null);
    this.#get.hidden = this.#choose.hidden = this.#here.hidden = item === null;
    if (item === null) {
      say(this.#name, "…");
      say(this.#facts, "");
      this.#face.replaceChildren();
      this.#drawn = "";
      return;
    }
    this.#fillAction(item);
    const names = item.contacts.map((jid) => this.#view.daemon.nameOf(jid));
    const drawn = JSON.stringify([item, names]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    say(this.#name, item.name);
    this.#name.title = item.name;
    say(this.#facts, [size(item.size), who(names), reach(item)].join(" · "));
    this.#face.replaceChildren(avatar(item.contacts[0], names[0], item.online));
    this.#get.setAttribute("aria-label", t("getLabel", { name: item.name }));
    relabel(this.#choose, "files", t("chooseLabel", { name: item.name }));
    say(this.#get, t("get"));
  }

  #fillAction(item) {
    const torrent = this.#view.daemon.torrents.get(item.hash);
    this.#get.hidden = this.#choose.hidden = torrent !== undefined;
    this.#here.hidden = torrent === undefined;
    if (torrent) say(this.#here, torrent.complete ? t("have") : percent(torrent.progress));
  }
}

customElements.define("share-row", ShareRow);

function who(names) {
  const shown = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? t("more", { names: shown, n: names.length - NAMED }) : shown;
}

function reach(item) {
  if (!item.online) return t("reachAway");
  return item.reach === "direct" ? t("reachDirect") : t("reachNone");
}

export class SharesView extends HTMLElement {
  daemon = null;
  #toasts = null;
  #files = null;
  #found = null;
  #latest = null; // what was asked for last, and may not be here yet
  #typing = 0;
  #query = make("input", {
    type: "search", id: "query", autocomplete: "off", placeholder: t("searchShares"), "aria-label": t("searchShares"),
    input: () => this.#searchSoon(),
  });
  #contact = make("select", { id: "contact", change: () => this.#choose() });
  #sort = make("select", { id: "sort", change: () => this.search() });
  #online = make("input", { type: "checkbox", id: "online", change: () => this.search() });
  #count = make("p", { class: "count", role: "status" });
  #empty = make("p", { class: "empty" });
  #list = make("virtual-list", { "aria-label": t("shares") });

  begin(daemon, toasts, files) {
    this.daemon = daemon;
    this.#toasts = toasts;
    this.#files = files;
    const sorts = [["match", "byMatch"], ["name", "byName"], ["size", "bySize"], ["online", "byOnline"]];
    this.#sort.append(...sorts.map(([value, text]) => new Option(t(text), value)));
    this.append(
      make("h1", {}, t("shares")),
      make("div", { class: "tools", role: "search" },
        this.#query,
        make("label", {}, t("from"), this.#contact),
        make("label", {}, t("order"), this.#sort),
        make("label", { class: "check" }, this.#online, t("onlineOnly"))),
      this.#count, this.#list, this.#empty);
    this.#list.begin(() => new ShareRow(this), "share-row");
    daemon.addEventListener("shares", () => this.#refresh());
    daemon.addEventListener("contacts", () => this.#nameContacts());
    daemon.addEventListener("torrents", () => this.#list.show());
    this.#nameContacts();
  }

  /** Show what one contact shares, or everybody. */
  open(jid) {
    if ((jid ?? "") !== this.#contact.value) {
      this.#nameContacts(jid ?? "");
      this.search();
    }
    this.#list.show();
  }

  /** Search for what is asked for now. */
  async search() {
    clearTimeout(this.#typing);
    const found = new Found({
      query: this.#query.value,
      contact: this.#contact.value || null,
      sort: this.#sort.value,
      online: this.#online.checked,
    });
    this.#latest = found;
    found.addEventListener("change", () => this.#show());
    found.addEventListener("failed", (event) => this.#toasts.complain(event.detail));
    await this.#toasts.attempt(async () => {
      await found.begin();
      // An answer that comes late must not replace a later one's.
      if (found === this.#latest) this.#found = found;
    });
    if (found === this.#found) this.#show();
  }

  async get({ hash, name }) {
    await this.#toasts.attempt(async () => {
      const { sources } = await call("bt.add_torrent_by_hash", { hash });
      this.#toasts.tell(t(sources ? "begun" : "willCome", { name }));
    });
  }

  choose(item) {
    this.#files.choose(item);
  }

  #searchSoon() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.search(), TYPING);
  }

  #choose() {
    const jid = this.#contact.value;
    location.replace(jid ? `#shares/${encodeURIComponent(jid)}` : "#shares");
    this.search();
  }

  async #refresh() {
    if (this.#found === null) await this.search();
    else await this.#toasts.attempt(() => this.#found.refresh());
  }

  #nameContacts(chosen = this.#contact.value) {
    const options = [new Option(t("everybody"), "")];
    const contacts = this.daemon.contacts.filter(({ subscription }) => subscription !== "none");
    for (const { jid } of contacts) options.push(new Option(this.daemon.nameOf(jid), jid));
    if (chosen && !contacts.some(({ jid }) => jid === chosen)) options.push(new Option(chosen, chosen));
    this.#contact.replaceChildren(...options);
    this.#contact.value = chosen;
    this.#list.show();
  }

  #show() {
    const { count } = this.#found;
    say(this.#count, t("shareCount", { n: count }));
    const narrowed = this.#query.value || this.#contact.value || this.#online.checked;
    say(this.#empty, count ? "" : t(narrowed ? "nothingFound" : "noShares"));
    this.#list.show(this.#found);
  }
}

customElements.define("shares-view", SharesView);
