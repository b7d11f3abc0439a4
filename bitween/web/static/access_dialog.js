// Asks who may have a share: one that is there, or those that come next.

import "/web/access_form.js";
import { make, say } from "/web/dom.js";
import { t } from "/web/strings.js";

export class AccessDialog extends HTMLElement {
  #keep = null;
  #title = make("h2", { id: "access-of" });
  #form = make("access-form", { change: () => this.#allow() });
  #stays = make("p", { class: "facts" });
  #save = make("button", { class: "main" }, t("save"));
  #dialog = make("dialog", { "aria-labelledby": "access-of" });

  begin(daemon) {
    this.#form.begin(daemon);
    this.#dialog.append(
      this.#title,
      make("form", { submit: (event) => this.#submitted(event) }, this.#form, this.#stays,
        make("div", { class: "actions" }, this.#save,
          make("button", { type: "button", click: () => this.#dialog.close() }, t("cancel")))));
    this.append(this.#dialog);
  }

  /**
   * Ask.
   *
   * @param title what is asked
   * @param value what counts now, as `access.get` answers
   * @param isShared whether a contact may have fetched it already
   * @param keep takes what was chosen, and gives whether that was done
   */
  open({ title, value, isShared, keep }) {
    this.#keep = keep;
    say(this.#title, title);
    say(this.#stays, isShared ? t("fetchedStays") : "");
    this.#form.fill(value);
    this.#dialog.showModal();
    this.#form.focusFirst();
  }

  #allow() {
    this.#save.disabled = !this.#form.isValid;
  }

  async #submitted(event) {
    event.preventDefault();
    if (!this.#form.isValid) return;
    this.#save.disabled = true; // two answers would both replace the secret
    if (await this.#keep(this.#form.value)) this.#dialog.close();
    this.#allow();
  }
}

customElements.define("access-dialog", AccessDialog);
