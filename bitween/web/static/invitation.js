// What to give to somebody who is to become a contact: a link, also as a QR code.

import { make } from "/web/dom.js";
import { qrCode } from "/web/qr.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

export class OwnInvitation extends HTMLElement {
  #toasts = null;
  #uri = "";
  #picture = make("div");
  #link = make("input", { type: "text", id: "link", readonly: true, focus: () => this.#link.select() });

  begin(toasts) {
    this.#toasts = toasts;
    this.append(this.#picture,
      make("div", { class: "texts" },
        make("h2", {}, t("invite")),
        make("p", {}, t("inviteHow")),
        make("div", { class: "tools" },
          make("label", { for: "link" }, t("link")), this.#link,
          make("button", { type: "button", click: () => this.#copy() }, t("copy")))));
  }

  /** Read it, once; fails as the call does. */
  async read() {
    if (this.#uri) return;
    const { uri, qr } = await call("xmpp.invitation");
    this.#uri = uri;
    this.#link.value = uri;
    this.#picture.replaceChildren(qrCode(qr, t("code", { uri })));
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#uri);
    } catch {
      this.#link.focus();
      this.#toasts.tell(t("notCopied"));
      return;
    }
    this.#toasts.tell(t("copied"));
  }
}

customElements.define("own-invitation", OwnInvitation);
