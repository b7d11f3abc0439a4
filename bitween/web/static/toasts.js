// Short notices at the edge of the page, and things that are done a while later unless undone.

import { make } from "/web/dom.js";
import { LogInNeeded, Refused, Unreachable } from "/web/errors.js";
import { t } from "/web/strings.js";
import { Toast } from "/web/toast.js";

const SHOWN = 6000; // milliseconds
const SHOWN_TROUBLE = 15_000;
const MOST = 3; // notices at a time; more would lie over the page

export class ToastArea extends HTMLElement {
  #live = null;
  #said = make("div", { role: "status" });
  #trouble = make("div", { role: "alert" });
  #home = null;
  #toasts = []; // oldest first

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

  /** Say something for a while; with a group it becomes one with others of that, whose text `many` gives for a number. */
  tell(text, { group = null, many = null, action = null } = {}) {
    this.#show(this.#said, { text, group, many, action }, SHOWN);
  }

  /** Take back what was said in a group, which turns out not to be so. */
  withdraw(group) {
    for (const toast of this.#toasts.filter((toast) => toast.group === group)) toast.end();
  }

  /**
   * Say what went wrong.
   *
   * @param again does the same once more, where somebody waits for it; that the daemon is gone is told elsewhere, too
   */
  complain(error, again = null) {
    if (error instanceof Refused) {
      const many = (n) => t("severalTimes", { text: error.message, n });
      this.#show(this.#trouble, { text: error.message, english: error.english, group: error.message, many }, SHOWN_TROUBLE);
    } else if (error instanceof LogInNeeded || error instanceof Unreachable) {
      this.#live.connect();
      if (again && error instanceof Unreachable) this.#offer(again);
    } else {
      throw error;
    }
  }

  /**
   * Do something that somebody asked for, and say what went wrong; gives whether it was done.
   *
   * @param again what another try is, if that is more than to do it once more
   */
  async attempt(act, again = () => this.attempt(act)) {
    return this.#try(act, again);
  }

  /** Read something that is to be shown, and say what went wrong; gives whether it was read. */
  async read(act) {
    return this.#try(act, null);
  }

  async #try(act, again) {
    try {
      await act();
      return true;
    } catch (error) {
      this.complain(error, again);
      return false;
    }
  }

  /** Say that something is done, do it when the notice goes, and take it back if that is asked for. */
  undoable(text, act, takeBack, { group, many }) {
    const end = async () => {
      if (!(await this.attempt(act))) takeBack();
    };
    const toast = this.#show(this.#said, { text, group, many, end, action: { text: t("undo"), act: takeBack } }, SHOWN);
    toast.takeFocus();
  }

  #offer(again) {
    const text = t("notDone");
    const entry = { text, group: "notDone", many: () => text, action: { text: t("tryAgain"), act: again } };
    this.#show(this.#trouble, entry, SHOWN_TROUBLE);
  }

  #show(area, entry, time) {
    this.#rise();
    const same = this.#toasts.find((toast) => entry.group && toast.group === entry.group);
    if (same) {
      same.add(entry);
      return same;
    }
    while (this.#toasts.length >= MOST) (this.#toasts.find((toast) => !toast.isQuestion) ?? this.#toasts[0]).end();
    const toast = new Toast(entry, time, () => this.#toasts.splice(this.#toasts.indexOf(toast), 1));
    this.#toasts.push(toast);
    area.append(toast.node);
    return toast;
  }
}

customElements.define("toast-area", ToastArea);
