// The fingerprint of this device, for others to compare, and the other devices of the account.

import { make, named } from "/web/dom.js";
import { qrCode } from "/web/qr.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { fingerprintText, trustText } from "/web/trust.js";

export class OwnDevices extends HTMLElement {
  #daemon = null;
  #dialog = null;
  #own = null;
  #picture = make("div");
  #digits = make("p");
  #others = make("ul", { class: "devices" });

  begin(daemon, dialog) {
    this.#daemon = daemon;
    this.#dialog = dialog;
    this.append(
      make("h2", {}, t("thisDevice")),
      make("div", { class: "panel" }, this.#picture,
        make("div", { class: "texts" }, make("p", {}, t("thisDeviceHow")), this.#digits)),
      this.#others);
    daemon.addEventListener("devices", () => this.#show());
  }

  /** Read it, once; fails as the call does. */
  async read() {
    this.#own ??= await call("devices.own");
    const { fingerprint, qr } = this.#own;
    this.#picture.replaceChildren(qrCode(qr, t("ownCode")));
    this.#digits.replaceChildren(fingerprintText(fingerprint));
    this.#show();
  }

  #show() {
    if (!this.#own) return;
    const { jid, resource: here } = this.#own;
    const others = this.#daemon.devicesOf(jid).filter(({ resource }) => resource !== here);
    this.#others.hidden = !others.length;
    this.#others.setAttribute("aria-label", t("myDevices"));
    this.#others.replaceChildren(...others.map((device) => this.#line(device)));
  }

  #line(device) {
    const { resource } = device;
    return make("li", { "data-key": resource },
      named(resource), ` ${trustText(device)} `,
      make("button", {
        type: "button", class: "plain", "aria-label": t("checkDeviceLabel", { name: t("myDevices"), resource }),
        click: () => this.#dialog.open(device),
      }, t("checkDevice")));
  }
}

customElements.define("own-devices", OwnDevices);
