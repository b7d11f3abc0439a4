// Contacts who ask for a share that is locked for them: shown in every view until it is answered.

import { make } from "/web/dom.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

export class AccessRequests extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #drawn = "";
  #list = make("ul");

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.hidden = true;
    this.append(this.#list);
    for (const event of ["requests", "contacts"]) daemon.addEventListener(event, () => this.#show());
  }

  #show() {
    const asked = this.#daemon.requests.map((request) => ({ ...request, by: this.#daemon.nameOf(request.jid) }));
    const drawn = JSON.stringify(asked);
    if (drawn === this.#drawn) return; // else who is about to press something there would lose it
    this.#drawn = drawn;
    this.hidden = !asked.length;
    this.#list.replaceChildren(...asked.map((request) => this.#request(request)));
  }

  #request({ id, by, name }) {
    const button = (text, label, method, done, kind) => make("button", {
      type: "button", class: kind, "aria-label": t(label, { name: by, share: name }),
      click: () => this.#answer(method, id, t(done, { name: by, share: name })),
    }, t(text));
    return make("li", { "data-key": id },
      make("span", {}, t("asksFor", { name: by, share: name })),
      button("letIn", "letInLabel", "access.grant", "granted", "main"),
      button("decline", "declineAccessLabel", "access.deny", "denied", ""));
  }

  async #answer(method, id, done) {
    await this.#toasts.attempt(async () => {
      await call(method, { id });
      await this.#daemon.readRequests();
      this.#toasts.tell(done);
    });
  }
}

customElements.define("access-requests", AccessRequests);
