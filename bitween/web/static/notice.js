// Tells when the daemon or its XMPP connection is not there, and what is done about it.

import { make, say } from "/web/dom.js";
import { duration } from "/web/format.js";
import { errorText } from "/web/messages.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

const SECOND = 1000;
const STATES = { connecting: "xmppConnecting", waiting: "xmppWaiting", failed: "xmppFailed" };

export class ConnectionNotice extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #text = make("span", { role: "status" });
  #count = make("span");
  #button = make("button", { type: "button", click: () => this.#tryNow() }, t("tryNow"));
  #ticking = 0;

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.append(this.#text, " ", this.#count, " ", this.#button);
    daemon.live.addEventListener("state", () => this.#show());
    daemon.addEventListener("status", () => this.#show());
    this.#show();
  }

  #show() {
    const { live } = this.#daemon;
    const text = this.#textNow();
    clearInterval(this.#ticking);
    this.hidden = !text;
    this.#button.hidden = !this.#nextTry;
    say(this.#text, text, this.#daemon.status?.connection.error);
    say(this.#count, "");
    if (this.#nextTry) {
      this.#ticking = setInterval(() => this.#countDown(), SECOND);
      this.#countDown();
    }
  }

  /** Have whoever waits try at once: this page, or the daemon. */
  #tryNow() {
    const { live } = this.#daemon;
    if (live.state === "away") live.connect();
    else this.#toasts.attempt(() => call("Api.reconnect"));
  }

  #textNow() {
    const { live, status } = this.#daemon;
    if (["starting", "away", "insecure"].includes(live.state)) return t(live.state);
    if (live.state !== "live" || status === null || status.connection.state === "online") return "";
    const { state, error, next_try: nextTry } = status.connection;
    const why = error ? errorText(status.connection, error) : t("noReason");
    return t(state === "failed" && nextTry ? "xmppRefused" : STATES[state], { why });
  }

  // When somebody tries again by themselves: the page, or the daemon; as Date.now() has it.
  get #nextTry() {
    const { live, status } = this.#daemon;
    if (live.state === "away") return live.nextTry;
    return live.state === "live" ? (status?.connection.next_try ?? 0) * SECOND : 0;
  }

  // Beside the live region: nobody wants to hear each second.
  #countDown() {
    const left = (this.#nextTry - Date.now()) / SECOND;
    say(this.#count, left > 0 ? t("nextTry", { time: duration(left) }) : t("trying"));
  }
}

customElements.define("connection-notice", ConnectionNotice);
