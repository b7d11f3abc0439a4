// Short notices at the edge of the page, and things that are done a while later unless undone.

import { iconButton, make, withEnglish } from "/web/dom.js";
import { LogInNeeded, Refused, Unreachable } from "/web/rpc.js";
import { t } from "/web/strings.js";

const SHOWN = 6000; // milliseconds
const SHOWN_TROUBLE = 15_000;

export class ToastArea extends HTMLElement {
  #live = null;
  #said = make("div", { role: "status" });
  #trouble = make("div", { role: "alert" });
  #home = null;

  begin(live) {
    this.#live = live;
    this.#home = this.parentElement;
    this.append(this.#said, this.#trouble);
    new MutationObserver(() => this.#rise()).observe(document.body, { subtree: true, attributeFilter: ["open"] });
  }

  // What is outside of the dialogue on top can neither be seen well, nor reached, nor heard.
  #rise() {
    const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? this.#home;
    if (this.parentElement !== place) place.append(this);
  }

  /** Say something for a while. */
  tell(text) {
    this.#show(this.#said, text, SHOWN, () => {});
  }

  /** Say what went wrong; that the daemon or the log-in is gone is told elsewhere. */
  complain(error) {
    if (error instanceof Refused) this.#show(this.#trouble, error.message, SHOWN_TROUBLE, () => {}, { english: error.english });
    else if (error instanceof LogInNeeded || error instanceof Unreachable) this.#live.connect();
    else throw error;
  }

  /** Do something, and say what went wrong; gives whether it was done. */
  async attempt(act) {
    try {
      await act();
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  /** Say that something is done, do it when the notice goes, and take it back if that is asked for. */
  undoable(text, act, takeBack) {
    this.#show(this.#said, text, SHOWN, async () => {
      if (!(await this.attempt(act))) takeBack();
    }, { undo: takeBack });
  }

  #show(area, text, time, end, { undo = null, english = "" } = {}) {
    const before = document.activeElement;
    const byKeyboard = before.matches(":focus-visible");
    const toast = make("div", { class: "toast" }, make("span", {}, ...withEnglish(text, english)));
    let timer = 0;
    let closed = false;
    const close = (act) => {
      closed = true; // before it goes: that takes the focus away, and nothing may be waited for then
      clearTimeout(timer);
      const focused = toast.contains(document.activeElement);
      toast.remove();
      if (focused && byKeyboard) before.focus();
      act();
    };
    const wait = () => {
      clearTimeout(timer);
      if (!closed) timer = setTimeout(close, time, end);
    };
    const takeBack = make("button", { type: "button", click: () => close(undo) }, t("undo"));
    if (undo) toast.append(takeBack);
    toast.append(iconButton("close", t("dismiss"), () => close(end)));
    // Nothing runs out while somebody reads or reaches for it.
    for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, () => clearTimeout(timer));
    for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, wait);
    this.#rise();
    area.append(toast);
    wait();
    // What had the focus goes now; and by keyboard it is a long way to here.
    if (undo && byKeyboard) takeBack.focus();
  }
}

customElements.define("toast-area", ToastArea);
