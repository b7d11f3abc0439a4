// One device: how far it is trusted, and its fingerprint, to be compared with what its owner sees.

import { make, named, say } from "/web/dom.js";
import { qrCode } from "/web/qr.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { fingerprintText, isTrusted, trustMeaning, trustText } from "/web/trust.js";

export class DeviceDialog extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #device = null;
  #latest = 0;
  #title = named("");
  #trust = make("p");
  #how = make("p", { class: "facts" });
  #theirs = make("p");
  #match = make("button", { type: "button", class: "main", click: () => this.#change("devices.verify", "deviceVerified") }, t("theyMatch"));
  #distrust = make("button", { type: "button", class: "danger", click: () => this.#change("devices.distrust", "deviceDistrusted") }, t("distrust"));
  #own = make("div", { class: "own" });
  #ownHow = make("p", { class: "facts" });
  #ownPart = make("details", {}, make("summary", {}, t("ownFingerprint")), this.#ownHow, this.#own);
  #dialog = make("dialog", { "aria-labelledby": "device-of" });

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.#dialog.append(
      make("h2", { id: "device-of" }, this.#title), this.#trust, this.#how, this.#theirs,
      make("div", { class: "actions" }, this.#match, this.#distrust,
        make("button", { type: "button", click: () => this.#dialog.close() }, t("close"))),
      this.#ownPart);
    this.append(this.#dialog);
  }

  /** Show a device as `devices.list` has it. */
  async open(device) {
    const turn = ++this.#latest;
    let own = null;
    const read = async () => { own = await call("devices.own"); };
    if (!(await this.#toasts.attempt(read, () => this.open(device))) || turn !== this.#latest) return;
    this.#device = device;
    this.#show(own);
    this.#dialog.showModal();
  }

  #show(own) {
    const { jid, resource, fingerprint, trust } = this.#device;
    const name = this.#daemon.nameOf(jid);
    const isOurs = jid === own.jid;
    say(this.#title, t("deviceOf", { name, resource }));
    say(this.#trust, `${trustText(this.#device)}: ${trustMeaning(this.#device)}`);
    this.#trust.className = trust === "changed" ? "trouble" : "";
    say(this.#how, fingerprint ? t(isOurs ? "compareOwn" : "compareHow", { name, resource }) : "");
    this.#theirs.replaceChildren(...(fingerprint ? [fingerprintText(fingerprint)] : []));
    this.#match.hidden = !fingerprint || trust === "verified";
    this.#distrust.hidden = !isTrusted(this.#device);
    say(this.#ownHow, t("ownFingerprintHow"));
    this.#own.replaceChildren(fingerprintText(own.fingerprint), qrCode(own.qr, t("ownCode")));
  }

  async #change(method, done) {
    const { jid, resource, fingerprint } = this.#device;
    const proof = method === "devices.verify" ? { fingerprint } : {};
    await this.#toasts.attempt(async () => {
      await call(method, { jid, resource, ...proof });
      await this.#daemon.readDevices();
      this.#dialog.close();
      this.#toasts.tell(t(done, { name: this.#daemon.nameOf(jid), resource }));
    });
  }
}

customElements.define("device-dialog", DeviceDialog);
