// Tells of a finished download while the page is in the background, if somebody asked for that.

import { legible, make, say } from "/web/dom.js";
import { keep, kept } from "/web/kept.js";
import { t } from "/web/strings.js";

const KEPT = "bitween.notifications"; // in the browser, for it is the browser that is asked
const supported = "Notification" in window;

/** Whether somebody asked for it here, and the browser lets us. */
export const wanted = () => supported && Notification.permission === "granted" && kept(KEPT) === "on";

/** Tell of whatever is finished from now on. */
export function begin(daemon) {
  daemon.live.needed = wanted;
  daemon.addEventListener("finished", ({ detail }) => {
    if (document.hidden && wanted()) tell(detail);
  });
}

function tell({ hash, name, complete }) {
  const text = t(complete ? "finished" : "finishedPart", { name: legible(name || t("unnamed")) });
  try {
    // By its tag, so that several pages of one daemon tell it once.
    const notice = new Notification("bitween", { body: text, tag: hash, icon: "/web/icon.svg" });
    notice.addEventListener("click", () => {
      focus();
      location.hash = "#torrents";
      notice.close();
    });
  } catch {
    // There are browsers that let only service workers notify: they say so only now.
    keep(KEPT, null);
  }
}

/** A switch for it. */
export class NotificationSwitch extends HTMLElement {
  #text = make("p", { class: "facts", role: "status" });
  #button = make("button", { type: "button", click: () => this.#turn() });

  connectedCallback() {
    this.append(make("h2", {}, t("notifications")), this.#text, make("p", {}, this.#button));
    this.#show();
  }

  async #turn() {
    if (wanted()) keep(KEPT, null);
    else if ((await Notification.requestPermission()) === "granted") keep(KEPT, "on");
    this.#show();
  }

  #show() {
    const refused = supported && Notification.permission === "denied";
    this.#button.hidden = !supported || refused;
    say(this.#button, t(wanted() ? "notifyStop" : "notifyBegin"));
    if (!supported) say(this.#text, t("notifyUnable"));
    else if (refused) say(this.#text, t("notifyRefused"));
    else say(this.#text, t(wanted() ? "notifyOn" : "notifyOff"));
  }
}

customElements.define("notification-switch", NotificationSwitch);
