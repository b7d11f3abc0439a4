// What to give to somebody who is to become a contact: a link, also as a QR code.

import { draw, make } from "/web/dom.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

const MARGIN = 4; // light modules around the code, without which it cannot be read (ISO/IEC 18004 §9.1)

/** A picture of rows of "1", which is dark, and "0". */
function code(rows, label) {
  const size = rows.length + 2 * MARGIN;
  const runs = rows.flatMap((row, y) =>
    [...row.matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`));
  const viewBox = `${-MARGIN} ${-MARGIN} ${size} ${size}`;
  return draw("svg", { viewBox, class: "code", role: "img", "aria-label": label }, draw("path", { d: runs.join("") }));
}

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
    this.#picture.replaceChildren(code(qr, t("code", { uri })));
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
