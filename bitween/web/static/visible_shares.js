// What a contact sees of our shares, and why.

import { whyText } from "/web/access_text.js";
import { make, named, say } from "/web/dom.js";
import { size } from "/web/format.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

export class VisibleSharesDialog extends HTMLElement {
  #toasts = null;
  #latest = 0;
  #title = make("h2", { id: "seen-by" });
  #count = make("p", { class: "facts" });
  #list = make("ul", { class: "scroll seen", tabindex: 0 });
  #dialog = make("dialog", { "aria-labelledby": "seen-by" });

  begin(toasts) {
    this.#toasts = toasts;
    this.#dialog.append(
      this.#title, this.#count, this.#list,
      make("div", { class: "actions" }, make("button", { type: "button", click: () => this.#dialog.close() }, t("close"))));
    this.append(this.#dialog);
  }

  async open(jid, name) {
    const turn = ++this.#latest;
    let shares = [];
    const read = async () => { ({ shares } = await call("access.of", { jid })); };
    if (!(await this.#toasts.attempt(read, () => this.open(jid, name)))) return;
    if (turn !== this.#latest || !this.checkVisibility()) return;
    say(this.#title, t("seenBy", { name }));
    say(this.#count, shares.length ? t("seenCount", { n: shares.length }) : t("seesNothing", { name }));
    this.#list.hidden = !shares.length;
    this.#list.setAttribute("aria-label", t("seenBy", { name }));
    this.#list.replaceChildren(...shares.map((share) => make("li", {},
      named(share.name, { class: "name" }),
      make("span", { class: "facts" }, `${size(share.size)} · ${whyText(share)}`))));
    this.#dialog.showModal();
  }
}

customElements.define("visible-shares", VisibleSharesDialog);
