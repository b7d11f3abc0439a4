// Asks for the token, once.

import { make, say } from "/web/dom.js";
import { logIn } from "/web/rpc.js";
import { t } from "/web/strings.js";

export class LogInView extends HTMLElement {
  #trouble = make("p", { class: "trouble", role: "alert" });
  #input = make("input", { type: "password", autocomplete: "off", required: true, id: "token" });

  begin(daemon) {
    const form = make("form", { submit: (event) => this.#submit(event, daemon) },
      make("h1", {}, t("logInTitle")),
      make("p", {}, t("logInHow")),
      make("label", { for: "token" }, t("token")),
      this.#input,
      make("button", { class: "main" }, t("logIn")),
      this.#trouble);
    this.append(form);
  }

  async #submit(event, daemon) {
    event.preventDefault();
    const token = this.#input.value.trim();
    this.#input.value = "";
    try {
      const right = await logIn(token);
      say(this.#trouble, right ? "" : t("notTheToken"));
      if (right) daemon.live.connect();
    } catch (error) {
      say(this.#trouble, error.message || t("away"), error.english);
    }
  }
}

customElements.define("log-in-view", LogInView);
