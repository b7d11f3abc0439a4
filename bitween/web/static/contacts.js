// Who is there, who asks to be, and what each shares.

import { isolated } from "/web/direction.js";
import { iconButton, legible, make, named, say, withEnglish } from "/web/dom.js";
import { Hindered, Refused } from "/web/errors.js";
import { avatar } from "/web/faces.js";
import { sameAs } from "/web/focus.js";
import { size } from "/web/format.js";
import "/web/invitation.js";
import { obstaclesText } from "/web/messages.js";
import { isThere, presenceKey } from "/web/presence.js";
import { reachText } from "/web/reach.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { trustText } from "/web/trust.js";
import "/web/visible_shares.js";

/** The JID in an xmpp: link, as which one may be pasted; any other text as it is. */
function invited(text) {
  const path = /^xmpp:(?:\/\/[^/]*\/)?([^?#]*)/i.exec(text.trim())?.[1];
  try {
    return path === undefined ? text.trim() : decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The group of the notice that somebody was asked, until it is known that that failed. */
const askedGroup = (jid) => `asked ${jid.toLowerCase()}`;

export class ContactsView extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #devices = null;
  #leaving = new Set(); // JIDs of those that are removed unless somebody undoes that
  #drawn = "";
  #jid = make("input", { type: "text", id: "jid", required: true, autocomplete: "off", inputmode: "email", placeholder: t("jid"), spellcheck: "false" });
  #requests = make("ul", { class: "cards" });
  #asking = make("section", { hidden: true, "aria-live": "polite" }, make("h2", {}, t("requests")), this.#requests);
  #list = make("ul", { class: "cards" });
  #empty = make("p", { class: "empty" });
  #visible = make("visible-shares");
  #invitation = make("own-invitation", { class: "panel" });

  begin(daemon, toasts, { devices }) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.#devices = devices;
    this.append(
      make("h1", {}, t("contacts")), this.#asking,
      make("form", { class: "tools", submit: (event) => this.#add(event) },
        make("label", { for: "jid" }, t("addContact")), this.#jid, make("button", { class: "main" }, t("add"))),
      this.#list, this.#empty, this.#invitation, this.#visible);
    this.#visible.begin(toasts);
    this.#invitation.begin(toasts);
    for (const event of ["contacts", "devices"]) daemon.addEventListener(event, () => this.#show());
    daemon.addEventListener("deviceChanged", ({ detail: { jid, resource } }) => {
      toasts.tell(t("deviceChanged", { name: daemon.nameOf(jid), resource }), {
        action: { text: t("show"), act: () => { location.hash = "contacts"; } },
      });
    });
    daemon.addEventListener("contactError", ({ detail: { contact, error } }) => {
      toasts.withdraw(askedGroup(contact));
      toasts.complain(new Hindered(t("askFailed", { name: contact, why: new Refused(error).message })));
    });
  }

  open() {
    this.#toasts.read(async () => {
      await this.#daemon.readContacts();
      await this.#invitation.read();
    });
  }

  #act(method, params, done = () => {}) {
    return this.#toasts.attempt(async () => {
      await call(method, params);
      await this.#daemon.readContacts();
      done();
    });
  }

  async #add(event) {
    event.preventDefault();
    const jid = invited(this.#jid.value);
    await this.#act("xmpp.add_contact", { jid }, () => {
      this.#jid.value = "";
      this.#toasts.tell(t("asked", { name: jid }), { group: askedGroup(jid) });
    });
  }

  #remove(jid, name) {
    const stay = () => {
      this.#leaving.delete(jid);
      this.#show();
    };
    this.#leaving.add(jid);
    this.#toasts.undoable(t("removingContact", { name }), async () => {
      await call("xmpp.remove_contact", { jid });
      this.#leaving.delete(jid);
      await this.#daemon.readContacts();
    }, stay, { group: "removingContact", many: (n) => t("removingContacts", { n }) });
    this.#show();
  }

  #show() {
    const contacts = this.#daemon.contacts.filter(({ jid }) => !this.#leaving.has(jid));
    const asking = contacts.filter(({ pending }) => pending === "in");
    const known = contacts.filter(({ pending, subscription }) => pending !== "in" || subscription !== "none");
    known.sort((one, other) => isThere(other) - isThere(one) || other.online - one.online || this.#nameOf(one).localeCompare(this.#nameOf(other)));
    const drawn = JSON.stringify([asking, known, known.map(({ jid }) => this.#daemon.devicesOf(jid))]);
    if (drawn === this.#drawn) return; // else who is about to press something there would lose it
    this.#drawn = drawn;
    const focused = document.activeElement.closest(".cards") && document.activeElement;
    this.#asking.hidden = !asking.length;
    this.#requests.replaceChildren(...asking.map((contact) => this.#request(contact)));
    this.#list.replaceChildren(...known.map((contact) => this.#card(contact)));
    say(this.#empty, known.length ? "" : t("noContacts"));
    if (focused) sameAs(focused)?.focus();
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
    return make("li", { class: "request", "data-key": jid }, avatar(jid, name, false), this.#texts({ jid, nick: null }, this.#wish(contact)),
      button("accept", "acceptLabel", "xmpp.accept_contact", "main"), button("decline", "declineLabel", "xmpp.remove_contact", ""));
  }

  #card(contact) {
    const { jid, resources } = contact;
    const name = this.#nameOf(contact);
    const devices = resources.filter(({ bitween }) => bitween);
    const sum = (key) => devices.reduce((total, resource) => total + resource[key], 0);
    const count = sum("shares");
    const facts = this.#standing(contact);
    if (devices.length > 1) facts.push(t("shareCount", { n: count }), size(sum("size")));
    const card = make("li", { "data-key": jid }, avatar(jid, name, isThere(contact)), this.#texts(contact, facts.join(" · ")));
    if (count) {
      const link = make("a", { href: `#shares/${encodeURIComponent(jid)}` }, t("seeShares", { n: count }));
      card.append(link);
    }
    card.append(make("button", {
      type: "button", class: "plain", "aria-label": t("seenBy", { name }), click: () => this.#visible.open(jid, name),
    }, t("whatTheySee")));
    if (contact.blocked) {
      card.append(make("button", { type: "button", click: () => this.#act("xmpp.unblock", { jid }), "aria-label": t("unblockLabel", { name }) }, t("unblock")));
    }
    card.append(iconButton("remove", t("removeContact", { name }), () => this.#remove(jid, name)));
    const keys = new Map(this.#daemon.devicesOf(jid).map((key) => [key.resource, key]));
    if (devices.length) {
      const lines = devices.map((device) => this.#device(device, keys.get(device.resource), name));
      card.append(make("ul", { class: "devices", "aria-label": t("devicesOf", { name }) }, ...lines));
    }
    for (const { resource, trust } of keys.values()) {
      if (trust === "changed") card.append(make("p", { class: "trouble" }, t("deviceChanged", { name, resource })));
    }
    return card;
  }

  /** A device, and how far its key is trusted, if one is known. */
  #device(device, key, name) {
    const line = deviceLine(device, key ? [trustText(key)] : []);
    if (key?.fingerprint) {
      line.append(" ", make("button", {
        type: "button", class: "plain", "aria-label": t("checkDeviceLabel", { name, resource: device.resource }),
        click: () => this.#devices.open(key),
      }, t("checkDevice")));
    }
    return line;
  }

  #texts(contact, facts) {
    const name = this.#nameOf(contact);
    return make("span", { class: "texts" },
      named(name, { class: "name", title: contact.jid }),
      make("span", { class: "facts" }, legible(facts)));
  }

  // Who asks gave the name themselves, so that it is the JID that tells who it is.
  #wish({ nick }) {
    const said = nick ? [t("asksAs", { name: nick })] : [];
    return legible([...said, t("wantsIn")].join(" · "));
  }

  #standing(contact) {
    const { jid, nick, pending, subscription } = contact;
    const said = nick ? [isolated(jid)] : [];
    said.push(t(presenceKey(contact)));
    if (contact.error) said.push(new Refused(contact.error).message);
    else if (pending === "out") said.push(t("waitsFor"));
    else if (subscription === "to") said.push(t("onesided"));
    return said;
  }
}

function deviceLine({ resource, online, answering, shares, size: bytes, way }, more) {
  const there = online && answering !== false;
  const said = [t(there ? "online" : online ? "notAnswering" : "offline"), t("shareCount", { n: shares }), size(bytes), ...more];
  if (way && reachText(way.reach)) said.push(reachText(way.reach));
  const line = make("li", { class: there ? "online" : "" }, named(resource), ` ${said.join(" · ")}`);
  if (way?.because.length) line.append(make("small", {}, ...whyNoBetter(way.because)));
  return line;
}

function whyNoBetter(because) {
  const { all } = obstaclesText(because);
  return withEnglish(` ${all}`, because.find(({ text }) => all.includes(text))?.text);
}

customElements.define("contacts-view", ContactsView);
