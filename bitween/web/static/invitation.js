// What to give to somebody who is to become a contact: a link, also as a QR code.

import { make } from "/web/dom.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 4; // light modules around the code, without which it cannot be read (ISO/IEC 18004 §9.1)

/** A picture of rows of "1", which is dark, and "0". */
function code(rows, label) {
  const picture = document.createElementNS(SVG, "svg");
  const size = rows.length + 2 * MARGIN;
  picture.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${size} ${size}`);
  picture.setAttribute("class", "code");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
  const path = document.createElementNS(SVG, "path");
  const runs = rows.flatMap((row, y) =>
    [...row.matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`));
  path.setAttribute("d", runs.join(""));
  picture.append(path);
  return picture;
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
