// How something is shared: by its path, by looking around, or by sending it.

import "/web/access_choice.js";
import { icon, make } from "/web/dom.js";
import { ChooserDialog } from "/web/chooser.js";
import { share } from "/web/sharing.js";
import { t } from "/web/strings.js";

function button(picture, text, click) {
  return make("button", { type: "button", click }, icon(picture), t(text));
}

export class ShareForm extends HTMLElement {
  #toasts = null;
  #question = null;
  #next = null;
  #access = make("access-choice");
  #chooser = new ChooserDialog();
  #path = make("input", {
    type: "text", id: "path", required: true, autocomplete: "off", spellcheck: "false", placeholder: t("pathHint"),
  });

  begin(toasts, uploads, question, next) {
    this.#toasts = toasts;
    this.#question = question;
    this.#next = next;
    this.#access.begin(next);
    this.#chooser.begin(toasts, question, next);
    // Never in the page: the buttons stand for them.
    const input = (properties) => {
      const node = make("input", { type: "file", change: () => uploads.choose(node), ...properties });
      return node;
    };
    const files = input({ multiple: true });
    const folder = input({ webkitdirectory: true });
    this.append(
      make("form", { class: "tools", submit: (event) => this.#share(event) },
        make("label", { for: "path" }, t("sharePath")),
        this.#path,
        make("button", { class: "main" }, t("share")),
        make("div", { class: "actions" },
          button("files", "choose", () => this.#chooser.open()),
          button("up", "uploadFiles", () => files.click()),
          button("up", "uploadFolder", () => folder.click())),
        this.#access),
      this.#chooser);
  }

  async #share(event) {
    event.preventDefault();
    await this.#toasts.attempt(async () => {
      if (await share(this.#path.value, this.#toasts, this.#question, this.#next) !== null) this.#path.value = "";
    });
  }
}

customElements.define("share-form", ShareForm);
