// Asks something before it is done, above whatever is shown.

import { make, say } from "/web/dom.js";
import { t } from "/web/strings.js";

export class QuestionDialog extends HTMLElement {
  #answered = () => {};
  #title = make("h2", { id: "question" });
  #text = make("p");
  #answers = make("div", { class: "actions" });
  #dialog = make("dialog", { "aria-labelledby": "question", close: () => this.#closed() });

  connectedCallback() {
    this.#dialog.append(this.#title, this.#text, this.#answers);
    this.append(this.#dialog);
  }

  /**
   * Ask; the focus is on what leaves everything as it is. A question that is still open is cancelled.
   *
   * @param answers for each its text; the style of its button may stand behind it
   * @returns the key of what was answered, or null
   */
  ask({ title, text, english = "" }, answers) {
    this.#answered(null);
    const button = (key, label, kind = "") => make("button", { type: "button", class: kind, click: () => this.#end(key) }, label);
    const cancel = button(null, t("cancel"));
    say(this.#title, title);
    say(this.#text, text, english);
    this.#answers.replaceChildren(cancel, ...Object.entries(answers).map(([key, [label, kind]]) => button(key, label, kind)));
    const answer = new Promise((answered) => { this.#answered = answered; });
    if (!this.#dialog.open) this.#dialog.showModal();
    cancel.focus();
    return answer;
  }

  #end(key) {
    this.#answered(key);
    this.#dialog.close();
  }

  // The event comes later than the end: the next question may be open already.
  #closed() {
    if (!this.#dialog.open) this.#answered(null);
  }
}

customElements.define("question-dialog", QuestionDialog);
