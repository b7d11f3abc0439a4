// Who may have what is shared next: said beside each way to share, with a button that changes it.

import { endText, whoText } from "/web/access_text.js";
import { make, say } from "/web/dom.js";
import { t } from "/web/strings.js";

/** What was chosen for the shares that come next; dispatches `change`. */
export class NextAccess extends EventTarget {
  #daemon;
  #dialog;
  #value = null; // null for the setting of the daemon

  constructor(daemon, dialog) {
    super();
    this.#daemon = daemon;
    this.#dialog = dialog;
    for (const event of ["contacts", "status"]) daemon.addEventListener(event, () => this.dispatchEvent(new Event("change")));
  }

  /** The parameters of a call that shares something. */
  get parameters() {
    return this.#value ?? {};
  }

  /** Whom it is for, in words. */
  get who() {
    return whoText(this.#shown.access, (jid) => this.#daemon.nameOf(jid));
  }

  get text() {
    return [this.who, endText(this.#shown.expires)].filter(Boolean).join(", ");
  }

  ask() {
    this.#dialog.open({ title: t("nextAccess"), value: this.#shown, isShared: false, keep: (value) => this.#keep(value) });
  }

  get #shown() {
    return this.#value ?? { access: this.#daemon.defaultAccess, expires: null, listed: false, introductions: true };
  }

  #keep(value) {
    this.#value = value;
    this.dispatchEvent(new Event("change"));
    return true;
  }
}

export class AccessChoice extends HTMLElement {
  #next = null;
  #text = make("span");
  #change = make("button", { type: "button", class: "plain", click: () => this.#next.ask() }, t("change"));

  begin(next) {
    this.#next = next;
    this.append(this.#text, this.#change);
    next.addEventListener("change", () => this.#show());
    this.#show();
  }

  #show() {
    say(this.#text, t("forWho", { who: this.#next.text }));
    this.#change.setAttribute("aria-label", t("changeAccess", { who: this.#next.text }));
  }
}

customElements.define("access-choice", AccessChoice);
