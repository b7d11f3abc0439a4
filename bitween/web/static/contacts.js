// Who is there, who asks to be, and what each shares.

import { iconButton, make, named, say } from "/web/dom.js";
import { avatar } from "/web/faces.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

export class ContactsView extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #leaving = new Set(); // JIDs of those that are removed unless somebody undoes that
  #jid = make("input", { type: "text", id: "jid", required: true, autocomplete: "off", inputmode: "email", placeholder: t("jid") });
  #requests = make("ul", { class: "cards" });
  #asking = make("section", { hidden: true, "aria-live": "polite" }, make("h2", {}, t("requests")), this.#requests);
  #list = make("ul", { class: "cards" });
  #empty = make("p", { class: "empty" });

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.append(
      make("h1", {}, t("contacts")), this.#asking,
      make("form", { class: "tools", submit: (event) => this.#add(event) },
        make("label", { for: "jid" }, t("addContact")), this.#jid, make("button", { class: "main" }, t("add"))),
      this.#list, this.#empty);
    daemon.addEventListener("contacts", () => this.#show());
  }

  open() {
    this.#toasts.attempt(() => this.#daemon.readContacts());
  }

  async #act(method, params) {
    return this.#toasts.attempt(async () => {
      await call(method, params);
      await this.#daemon.readContacts();
    });
  }

  async #add(event) {
    event.preventDefault();
    const jid = this.#jid.value.trim();
    if (!(await this.#act("xmpp.add_contact", { jid }))) return;
    this.#jid.value = "";
    this.#toasts.tell(t("asked", { name: jid }));
  }

  #remove(jid, name) {
    const stay = () => {
      this.#leaving.delete(jid);
      this.#show();
    };
    this.#leaving.add(jid);
    this.#show();
    this.#toasts.undoable(t("removingContact", { name }), async () => {
      await call("xmpp.remove_contact", { jid });
      this.#leaving.delete(jid);
      await this.#daemon.readContacts();
    }, stay);
  }

  #show() {
    const contacts = this.#daemon.contacts.filter(({ jid }) => !this.#leaving.has(jid));
    const asking = contacts.filter(({ pending }) => pending === "in");
    const known = contacts.filter(({ pending, subscription }) => pending !== "in" || subscription !== "none");
    known.sort((one, other) => other.online - one.online || this.#nameOf(one).localeCompare(this.#nameOf(other)));
    this.#asking.hidden = !asking.length;
    this.#requests.replaceChildren(...asking.map((contact) => this.#request(contact)));
    this.#list.replaceChildren(...known.map((contact) => this.#card(contact)));
    say(this.#empty, known.length ? "" : t("noContacts"));
  }

  #nameOf({ jid, nick }) {
    return nick || jid;
  }

  #request(contact) {
    const { jid } = contact;
    const name = this.#nameOf(contact);
    const button = (text, label, method, kind) => make("button", {
      type: "button", class: kind, click: () => this.#act(method, { jid }), "aria-label": t(label, { name: jid }),
    }, t(text));
    return make("li", { class: "request" }, avatar(jid, name, false), this.#texts(contact, contact.nick ? jid : ""),
      button("accept", "acceptLabel", "xmpp.accept_contact", "main"), button("decline", "declineLabel", "xmpp.remove_contact", ""));
  }

  #card(contact) {
    const { jid, online, resources } = contact;
    const name = this.#nameOf(contact);
    const count = resources.reduce((sum, resource) => sum + resource.shares, 0);
    const card = make("li", {}, avatar(jid, name, online), this.#texts(contact, this.#standing(contact, count)));
    if (count) {
      const link = make("a", { href: `#shares/${encodeURIComponent(jid)}` }, t("seeShares", { n: count }));
      card.append(link);
    }
    card.append(iconButton("remove", t("removeContact", { name }), () => this.#remove(jid, name)));
    return card;
  }

  #texts(contact, facts) {
    const name = this.#nameOf(contact);
    return make("span", { class: "texts" },
      named(name, { class: "name", title: contact.jid }),
      make("span", { class: "facts", dir: "auto" }, facts));
  }

  #standing({ jid, nick, online, pending, resources, subscription }, count) {
    const said = nick ? [jid] : [];
    said.push(t(online ? "online" : "offline"));
    if (pending === "out") said.push(t("waitsFor"));
    else if (subscription === "to") said.push(t("onesided"));
    if (online && !resources.some(({ bitween }) => bitween)) said.push(t("noBitween"));
    if (count) said.push(t("shareCount", { n: count }));
    return said.join(" · ");
  }
}

customElements.define("contacts-view", ContactsView);
