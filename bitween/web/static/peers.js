// Who is connected for one torrent, looked at again and again while that is shown.

import { isolated } from "/web/direction.js";
import { make, named, say } from "/web/dom.js";
import { avatar } from "/web/faces.js";
import { percent, rate } from "/web/format.js";
import { reachText } from "/web/reach.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

const PERIOD = 1000; // milliseconds between two looks

class PeerRow extends HTMLElement {
  #name = named("", { class: "name" });
  #facts = make("span", { class: "facts" });
  #rates = make("span", { class: "rates" });
  #has = make("span", { class: "facts" });

  begin(face) {
    this.setAttribute("role", "listitem");
    this.append(
      face,
      make("span", { class: "texts" }, this.#name, this.#facts),
      make("span", { class: "texts figures" }, this.#rates, this.#has));
  }

  fill(peer, name) {
    say(this.#name, name);
    say(this.#facts, [peer.address, isolated(peer.client ?? ""), reachText(peer.how), t(peer.sealed ? "sealed" : "inTheClear")].filter(Boolean).join(" · "));
    this.classList.toggle("unsealed", !peer.sealed);
    say(this.#rates, `↓ ${rate(peer.download_rate)} ↑ ${rate(peer.upload_rate)}`);
    say(this.#has, t("peerHas", { part: percent(peer.progress) }));
  }
}

customElements.define("peer-row", PeerRow);

export class PeersDialog extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #hash = null;
  #looking = 0;
  #latest = 0;
  #rows = new Map(); // by address, port and contact
  #title = named("");
  #empty = make("p");
  #list = make("div", { role: "list", class: "scroll", tabindex: 0, "aria-label": t("peersList") });
  #dialog = make("dialog", { close: () => clearTimeout(this.#looking), "aria-labelledby": "peers-of" });

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.#dialog.append(
      make("h2", { id: "peers-of" }, this.#title), this.#empty, this.#list,
      make("div", { class: "actions" },
        make("button", { type: "button", click: () => this.#dialog.close() }, t("close"))));
    this.append(this.#dialog);
  }

  async open({ hash, name }) {
    this.#hash = hash;
    const turn = ++this.#latest;
    say(this.#title, t("peersOf", { name: name || t("unnamed") }));
    if (!(await this.#look(() => this.open({ hash, name })))) return;
    // Another torrent's peers, or another view, were asked for meanwhile.
    if (turn !== this.#latest || !this.checkVisibility()) return;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#lookLater();
  }

  #lookLater() {
    clearTimeout(this.#looking);
    this.#looking = setTimeout(async () => {
      if (!this.#daemon.torrents.has(this.#hash)) this.#dialog.close();
      if (!this.#dialog.open) return;
      if (!document.hidden && this.#daemon.live.state === "live") await this.#look();
      this.#lookLater(); // also after a failure, which is shown as a notice
    }, PERIOD);
  }

  #look(again = null) {
    const hash = this.#hash;
    const read = async () => {
      const { peers } = await call("bt.get_peers", { hash });
      if (hash === this.#hash) this.#show(peers);
    };
    return again ? this.#toasts.attempt(read, again) : this.#toasts.read(read);
  }

  #show(peers) {
    say(this.#empty, peers.length ? "" : t("noPeers"));
    this.#list.hidden = !peers.length;
    const rows = new Map(peers.map((peer) => [JSON.stringify([peer.address, peer.port, peer.contact]), peer]));
    for (const [key, row] of this.#rows) {
      if (rows.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    for (const [key, peer] of rows) this.#place(key, peer);
  }

  #nameOf(peer) {
    if (peer.contact) return this.#daemon.nameOf(peer.contact);
    if (peer.introduced_by) return t("introducedBy", { name: this.#daemon.nameOf(peer.introduced_by) });
    return t("someContact");
  }

  #place(key, peer) {
    const name = this.#nameOf(peer);
    if (!this.#rows.has(key)) {
      const row = document.createElement("peer-row");
      row.begin(avatar(peer.contact ?? peer.address, peer.contact ? name : "?", false));
      this.#rows.set(key, row);
      this.#list.append(row);
    }
    this.#rows.get(key).fill(peer, name);
  }
}

customElements.define("peers-dialog", PeersDialog);
