// One notice: what it says, what can be done about it, and what happens when it goes.

import { iconButton, make, withEnglish } from "/web/dom.js";
import { sameAs } from "/web/focus.js";
import { t } from "/web/strings.js";

/**
 * What a notice tells of: its `text` and the part of it that is `english`; what happens when it goes (`end`), and
 * what in place of that when its button is pressed (`action`: its `text` and what it does, `act`). Notices with the
 * same `group` become one, whose text is what `many` gives for their number.
 */
export class Toast {
  node;
  #entries = [];
  #text = make("span");
  #button = null;
  #time;
  #timer = 0;
  #before = null; // what had the focus, if this took it by itself
  #gone;

  /**
   * @param entry what it tells of first
   * @param time milliseconds that it stays
   * @param gone called when it is no longer there
   */
  constructor(entry, time, gone) {
    this.group = entry.group ?? null;
    this.#time = time;
    this.#gone = gone;
    this.node = make("div", { class: "toast" }, this.#text);
    if (entry.action) {
      this.#button = make("button", { type: "button", click: () => this.#close("act") }, entry.action.text);
      this.node.append(this.#button);
    }
    this.node.append(iconButton("close", t("dismiss"), () => this.end()));
    // Nothing runs out while somebody reads or reaches for it.
    for (const event of ["pointerenter", "focusin"]) this.node.addEventListener(event, () => clearTimeout(this.#timer));
    for (const event of ["pointerleave", "focusout"]) this.node.addEventListener(event, () => this.#wait());
    this.add(entry);
  }

  /** Tell of another one as well. */
  add(entry) {
    this.#entries.push(entry);
    const n = this.#entries.length;
    this.#text.replaceChildren(...withEnglish(n > 1 && entry.many ? entry.many(n) : entry.text, entry.english));
    if (!this.node.matches(":hover, :focus-within")) this.#wait();
  }

  /** Whether it waits for somebody to take something back. */
  get isQuestion() {
    return this.#entries.some(({ end }) => end);
  }

  /** What had the focus goes now; and by keyboard it is a long way to here. */
  takeFocus() {
    const { activeElement } = document;
    if (!activeElement?.matches(":focus-visible") || this.node.contains(activeElement)) return;
    this.#before = activeElement;
    this.#button?.focus();
  }

  end() {
    this.#close("end");
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.#gone) this.#timer = setTimeout(() => this.end(), this.#time);
  }

  #close(how) {
    const gone = this.#gone;
    if (!gone) return;
    this.#gone = null; // before it goes: that takes the focus away, and nothing may be waited for then
    clearTimeout(this.#timer);
    const focused = this.node.contains(document.activeElement);
    this.node.remove();
    if (focused) this.#before?.focus();
    gone();
    for (const { end, action } of this.#entries) (how === "act" ? action.act : end)?.();
    // What came back is drawn by then.
    if (focused && how === "act" && this.#before) requestAnimationFrame(() => sameAs(this.#before)?.focus());
  }
}
