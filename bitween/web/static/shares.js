// What contacts share: found, sorted, and got.

import { isolated } from "/web/direction.js";
import { icon, iconButton, legible, make, named, relabel, say } from "/web/dom.js";
import { avatars } from "/web/faces.js";
import { size } from "/web/format.js";
import { Found } from "/web/found.js";
import { get, getMagnet, isMagnet } from "/web/getting.js";
import { aboutText } from "/web/note_form.js";
import { isThere } from "/web/presence.js";
import { reachText } from "/web/reach.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { shortly } from "/web/torrent_text.js";
import "/web/virtual_list.js";

const TYPING = 150; // milliseconds without a key after which is searched
const NAMED = 3; // of those who have something, how many are named in its row

const SORTS = [
  ["match", "byMatch"], ["name", "byName"], ["largest", "byLargest"], ["size", "bySize"], ["online", "byOnline"],
];
const STEPS = [1e7, 1e8, 1e9, 1e10]; // bytes

/** Choices of sizes: from and to, in bytes, as they stand in the page's address. */
const sizes = () => [
  ["", t("anySize")],
  [`-${STEPS[0]}`, t("sizeUpTo", { size: size(STEPS[0]) })],
  ...STEPS.map((step) => [`${step}-`, t("sizeFrom", { size: size(step) })]),
];

class ShareRow extends HTMLElement {
  #view;
  #item = null;
  #drawn = "";
  #face = make("span", { class: "face" });
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts" });
  #differs = make("span", { class: "trouble" });
  // On a phone there is only room for the picture.
  #get = make("button", { type: "button", class: "main", click: () => this.#view.get(this.#item) }, icon("torrents"), make("span", {}, t("get")));
  #ask = make("button", { type: "button", click: () => this.#view.ask(this.#item) }, icon("lock"), make("span", {}, t("ask")));
  #choose = iconButton("files", "", () => this.#view.choose(this.#item));
  #here = make("a", { href: "#torrents", class: "here" });

  constructor(view) {
    super();
    this.#view = view;
    this.append(this.#face, make("span", { class: "texts" }, this.#name, this.#facts, this.#differs), this.#get, this.#ask, this.#choose, this.#here);
  }

  fill(item) {
    this.#item = item;
    this.classList.toggle("loading", item === null);
    this.#get.hidden = this.#ask.hidden = this.#choose.hidden = this.#here.hidden = item === null;
    if (item === null) {
      say(this.#name, "…");
      say(this.#facts, "");
      say(this.#differs, "");
      this.#face.replaceChildren();
      this.#drawn = "";
      return;
    }
    this.#fillAction(item);
    const people = this.#view.peopleOf(item);
    const drawn = JSON.stringify([item, people]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    say(this.#name, item.name);
    this.#name.title = item.name;
    say(this.#facts, [item.locked && t("locked"), size(item.size), who(people), item.online ? reachText(item.reach) : t("offline"), aboutText(item)].filter(Boolean).join(" · "));
    this.#facts.title = aboutText(item);
    say(this.#differs, this.#view.othersSay(item));
    this.#differs.title = this.#differs.textContent;
    this.#face.replaceChildren(...avatars(people));
    this.#get.setAttribute("aria-label", t("getLabel", { name: item.name }));
    this.#ask.setAttribute("aria-label", t("askLabel", { name: item.name }));
    relabel(this.#choose, "files", t("chooseLabel", { name: item.name }));
  }

  #fillAction(item) {
    const torrent = this.#view.daemon.torrents.get(item.hash);
    const coming = torrent ? [this.#here] : item.locked ? [this.#ask] : [this.#get, this.#choose];
    const going = [this.#get, this.#ask, this.#choose, this.#here].filter((control) => !coming.includes(control));
    const passOn = going.includes(document.activeElement); // what is hidden loses the focus
    for (const control of going) control.hidden = true;
    for (const control of coming) control.hidden = false;
    if (torrent) say(this.#here, shortly(torrent));
    if (passOn) coming[0].focus();
  }
}

customElements.define("share-row", ShareRow);

function who(people) {
  const shown = people.slice(0, NAMED).map(({ name }) => isolated(name)).join(", ");
  return people.length > NAMED ? t("more", { names: shown, n: people.length - NAMED }) : shown;
}

/** Chooses an option of a select, or the first one if there is no such. */
function choose(select, value) {
  select.value = value ?? "";
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

export class SharesView extends HTMLElement {
  daemon = null;
  #toasts = null;
  #files = null;
  #found = null;
  #latest = null; // what was asked for last, and may not be here yet
  #typing = 0;
  #written = null; // the page's address, if it was set here last
  #query = make("input", {
    type: "search", id: "query", autocomplete: "off", placeholder: t("searchShares"), "aria-label": t("searchShares"),
    input: () => this.#searchSoon(),
  });
  // On a phone the filters are shown when they are asked for; elsewhere there is room for them.
  #toggle = make("button", {
    type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": "filters", click: () => this.#showFilters(),
  }, t("filters"));
  #contact = make("select", { id: "contact", change: () => this.#changed() });
  #size = make("select", { id: "size", change: () => this.#changed() });
  #sort = make("select", { id: "sort", change: () => this.#changed() });
  #online = make("input", { type: "checkbox", id: "online", change: () => this.#changed() });
  #count = make("p", { class: "count", role: "status" });
  #empty = make("p", { class: "empty" });
  #list = make("virtual-list", { "aria-label": t("shares") });

  begin(daemon, toasts, { files }) {
    this.daemon = daemon;
    this.#toasts = toasts;
    this.#files = files;
    this.#size.append(...sizes().map(([value, text]) => new Option(text, value)));
    this.#sort.append(...SORTS.map(([value, text]) => new Option(t(text), value)));
    this.append(
      make("h1", {}, t("shares")),
      make("div", { class: "tools", role: "search" },
        this.#query, this.#toggle,
        make("div", { class: "filters", id: "filters" },
          make("label", {}, t("from"), this.#contact),
          make("label", {}, t("size"), this.#size),
          make("label", {}, t("order"), this.#sort),
          make("label", { class: "check" }, this.#online, t("onlineOnly")))),
      this.#count, this.#list, this.#empty);
    this.#list.begin(() => new ShareRow(this), "share-row", ({ hash }) => hash);
    daemon.addEventListener("shares", () => this.#refresh());
    daemon.addEventListener("contacts", () => this.#nameContacts());
    daemon.addEventListener("torrents", () => this.#list.show());
    this.#nameContacts();
  }

  /** Show what one contact shares, or everybody, as the page's address says. */
  open(jid = "", asked = new URLSearchParams()) {
    // What is set here is told of later: one may have typed on meanwhile.
    if (location.hash !== this.#written) this.#take(jid, asked);
    this.#list.show();
  }

  /** Search at once for what was typed last; gives the address that shows the same again. */
  leave() {
    if (this.#typing) this.search();
    return this.#written = this.#address;
  }

  #take(jid, asked) {
    this.#written = null;
    const before = this.#address;
    this.#nameContacts(jid);
    this.#query.value = asked.get("query") ?? "";
    this.#online.checked = asked.has("online");
    choose(this.#size, asked.get("size"));
    choose(this.#sort, asked.get("sort"));
    if (this.#address !== before) this.search();
  }

  /** Those who have something: JID, name, and whether they are there; those who are come first. */
  peopleOf({ contacts, online }) {
    const known = new Map(this.daemon.contacts.map((contact) => [contact.jid, contact]));
    // Of who is no contact any more, or not yet, only this says whether they are there.
    const there = (jid) => online && (known.has(jid) ? isThere(known.get(jid)) : contacts.length === 1);
    const people = contacts.map((jid) => ({ jid, name: this.daemon.nameOf(jid), online: there(jid) }));
    return people.sort((one, other) => other.online - one.online);
  }

  /** Who of them says another name or size of it than the one that is shown; empty where all say the same. */
  othersSay({ names = [] }) {
    const others = names.slice(1).filter(({ contacts }) => contacts.length);
    return others.map(({ name, size: bytes, contacts }) => t("othersSay", {
      names: contacts.map((jid) => isolated(this.daemon.nameOf(jid))).join(", "), name: legible(name), size: size(bytes),
    })).join(" · ");
  }

  /** Search for what is asked for now. */
  async search() {
    this.#stopTyping();
    this.#countFilters();
    const [from, to] = this.#size.value.split("-").map(Number);
    const found = new Found({
      query: this.#query.value,
      contact: this.#contact.value || null,
      sort: this.#sort.value,
      online: this.#online.checked,
      ...(from && { min_size: from }),
      ...(to && { max_size: to }),
    });
    this.#latest = found;
    found.addEventListener("change", () => this.#show());
    found.addEventListener("failed", (event) => this.#toasts.complain(event.detail));
    await this.#toasts.read(async () => {
      await found.begin();
      // An answer that comes late must not replace a later one's.
      if (found === this.#latest) this.#found = found;
    });
    if (found === this.#found) this.#show();
  }

  async get({ hash, name }) {
    await this.#toasts.attempt(() => get({ hash, name }, this.#toasts));
  }

  /** Ask a contact who has a locked share to let us have it. */
  async ask({ hash, name }) {
    await this.#toasts.attempt(async () => {
      await call("access.ask", { hash });
      this.#toasts.tell(t("askedForShare", { name }));
    });
  }

  choose(item) {
    this.#files.choose(item);
  }

  #stopTyping() {
    clearTimeout(this.#typing);
    this.#typing = 0;
  }

  #searchSoon() {
    this.#stopTyping();
    const link = this.#query.value;
    if (isMagnet(link)) {
      this.#query.value = "";
      this.#toasts.attempt(() => getMagnet(link, this.#toasts));
    }
    this.#typing = setTimeout(() => this.#changed(), TYPING);
  }

  /** Search, and have a reload or a link show the same again. */
  #changed() {
    this.search();
    this.#written = this.#address;
    location.replace(this.#written);
  }

  #showFilters() {
    this.#toggle.setAttribute("aria-expanded", this.#toggle.getAttribute("aria-expanded") !== "true");
  }

  #countFilters() {
    const set = [this.#contact.value, this.#size.value, this.#online.checked, this.#sort.value !== SORTS[0][0]];
    const n = set.filter(Boolean).length;
    say(this.#toggle, n ? t("filtersSet", { n }) : t("filters"));
  }

  get #address() {
    const jid = this.#contact.value;
    const asked = new URLSearchParams();
    if (this.#query.value) asked.set("query", this.#query.value);
    if (this.#size.value) asked.set("size", this.#size.value);
    if (this.#sort.value !== SORTS[0][0]) asked.set("sort", this.#sort.value);
    if (this.#online.checked) asked.set("online", "");
    return `#shares${jid && `/${encodeURIComponent(jid)}`}${asked.size ? `?${asked}` : ""}`;
  }

  async #refresh() {
    if (this.#found === null || this.#found !== this.#latest) await this.search();
    else await this.#toasts.read(() => this.#found.refresh());
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
    const narrowed = this.#query.value || this.#contact.value || this.#size.value || this.#online.checked;
    say(this.#empty, count ? "" : t(narrowed ? "nothingFound" : "noShares"));
    this.#list.show(this.#found);
  }
}

customElements.define("shares-view", SharesView);
