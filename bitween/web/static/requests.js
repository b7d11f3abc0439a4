// Contacts who wait for an answer: told by a notice when they come, and by their number as long as they wait.

import { t } from "/web/strings.js";

const PERIOD = 60_000; // milliseconds between two looks while the page is in the background

/** Dispatches `change` when its `count` has changed. */
export class Requests extends EventTarget {
  count = 0;
  #known = null; // JIDs; null before the first look, which tells nothing new

  begin(daemon, toasts) {
    daemon.addEventListener("contacts", () => this.#look(daemon, toasts));
    // There the page follows no events, as a rule; but its title is seen.
    setInterval(() => {
      if (document.hidden && !daemon.live.needed() && daemon.live.state === "live") daemon.readContacts().catch(() => {});
    }, PERIOD);
  }

  #look(daemon, toasts) {
    const asking = daemon.contacts.filter(({ pending }) => pending === "in").map(({ jid }) => jid);
    for (const jid of this.#known === null ? [] : asking) {
      if (!this.#known.has(jid)) this.#tell(jid, toasts);
    }
    this.#known = new Set(asking);
    if (asking.length === this.count) return;
    this.count = asking.length;
    this.dispatchEvent(new Event("change"));
  }

  #tell(name, toasts) {
    toasts.tell(t("requested", { name }), {
      group: "requested", many: (n) => t("requestedMany", { n }),
      action: { text: t("show"), act: () => { location.hash = "contacts"; } },
    });
  }
}
