// Logs in with the token, or by a link that "bitween open" made.

import { make, say } from "/web/dom.js";
import { logIn, logInByLink } from "/web/rpc.js";
import { t } from "/web/strings.js";

export class LogInView extends HTMLElement {
  #trouble = make("p", { class: "trouble", role: "alert" });
  #input = make("input", { type: "password", autocomplete: "off", required: true, id: "token" });
  #remember = make("input", { type: "checkbox" });
  #daemon = null;

  begin(daemon) {
    this.#daemon = daemon;
    const form = make("form", { submit: (event) => this.#submit(event) },
      make("h1", {}, t("logInTitle")),
      make("p", {}, t("logInHow")),
      make("label", { for: "token" }, t("token")),
      this.#input,
      make("label", { class: "check" }, this.#remember, t("stayLoggedIn")),
      make("button", { class: "main" }, t("logIn")),
      this.#trouble);
    this.append(form);
  }

  /** Log in if the address of the page holds the code of a link, which nobody is to see there afterwards. */
  async followLink() {
    const code = /^#login=([\w-]+)$/.exec(location.hash)?.[1];
    if (!code || !isSecureContext) return; // the code would be sent in the clear
    history.replaceState(null, "", location.pathname);
    await this.#try(() => logInByLink(code), "linkUsedUp");
  }

  async #submit(event) {
    event.preventDefault();
    const token = this.#input.value.trim();
    this.#input.value = "";
    if (await this.#try(() => logIn(token, this.#remember.checked), "notTheToken")) this.#daemon.live.connect();
  }

  async #try(logsIn, otherwise) {
    try {
      const right = await logsIn();
      say(this.#trouble, right ? "" : t(otherwise));
      return right;
    } catch (error) {
      say(this.#trouble, error.message || t("away"), error.english);
      return false;
    }
  }
}

customElements.define("log-in-view", LogInView);
