// The page: its views, and which of them is shown.

import "/web/access_dialog.js";
import "/web/access_requests.js";
import { icon, make, say } from "/web/dom.js";
import { begin as beginNotifications } from "/web/notifications.js";
import { Daemon } from "/web/daemon.js";
import { FocusKeeper } from "/web/focus.js";
import { rate } from "/web/format.js";
import { guardPresses } from "/web/press.js";
import { Requests } from "/web/requests.js";
import { language, t } from "/web/strings.js";
import "/web/contacts.js";
import "/web/device_dialog.js";
import "/web/files.js";
import "/web/log_in.js";
import "/web/notice.js";
import "/web/shares.js";
import "/web/status.js";
import "/web/toasts.js";
import "/web/torrents.js";

const VIEWS = ["shares", "torrents", "contacts", "status"]; // the first one is where one begins

/** Over what is not shown any more, a dialogue would stay as something that lets nothing be used. */
function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

/** A part of an address as text; one that nobody could have written by intent stays as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class App extends HTMLElement {
  #daemon = new Daemon();
  #toasts = make("toast-area");
  #files = make("files-dialog");
  #devices = make("device-dialog");
  #access = make("access-dialog");
  #accessRequests = make("access-requests", { role: "region", "aria-label": t("accessRequests"), "aria-live": "polite" });
  #requests = new Requests();
  #badge = make("span", { class: "badge", role: "img", hidden: true });
  #chosen = VIEWS[0];
  #notice = make("connection-notice", { role: "region", "aria-label": t("connection") });
  #logIn = make("log-in-view", { hidden: true, role: "main" });
  #rates = make("span", { class: "rates" });
  #header = make("header", { hidden: true });
  #links = new Map();
  #places = new Map(); // where in a view one was last
  #views = new Map();
  #focus = new FocusKeeper(this);
  #main = make("main", { id: "main", tabindex: -1, hidden: true });

  connectedCallback() {
    document.documentElement.lang = language;
    guardPresses(document);
    for (const name of VIEWS) this.#addView(name);
    this.#links.get("contacts").append(this.#badge);
    this.#header.append(
      make("a", { class: "brand", href: `#${VIEWS[0]}` }, "bitween"),
      make("nav", { "aria-label": t("views") }, ...this.#links.values()),
      this.#rates);
    this.append(this.#header, this.#notice, this.#accessRequests, this.#logIn, this.#main, this.#files, this.#devices, this.#access,
      this.#toasts);
    this.#toasts.begin(this.#daemon.live);
    beginNotifications(this.#daemon);
    this.#requests.begin(this.#daemon, this.#toasts);
    this.#requests.addEventListener("change", () => this.#showRequests());
    this.#notice.begin(this.#daemon, this.#toasts);
    this.#logIn.begin(this.#daemon);
    this.#files.begin(this.#daemon, this.#toasts);
    this.#devices.begin(this.#daemon, this.#toasts);
    this.#access.begin(this.#daemon);
    this.#accessRequests.begin(this.#daemon, this.#toasts);
    const dialogs = { files: this.#files, devices: this.#devices, access: this.#access };
    for (const view of this.#views.values()) view.begin(this.#daemon, this.#toasts, dialogs);
    this.#daemon.live.addEventListener("state", () => this.#stateChanged());
    this.#daemon.addEventListener("torrents", () => this.#showRates());
    addEventListener("hashchange", () => this.#addressChanged());
    this.#begin();
  }

  async #begin() {
    await this.#logIn.followLink();
    this.#daemon.live.connect();
  }

  async #addressChanged() {
    if (location.hash.startsWith("#login=")) await this.#begin();
    else this.#turn();
  }

  #addView(name) {
    const view = make(`${name}-view`, { hidden: true });
    this.#views.set(name, view);
    this.#main.append(view);
    this.#links.set(name, make("a", { href: `#${name}` }, icon(name), make("span", {}, t(name))));
  }

  #stateChanged() {
    const { state } = this.#daemon.live;
    const known = this.#daemon.status !== null;
    this.#logIn.hidden = state !== "logged-out";
    if (state === "logged-out") this.#accessRequests.hidden = true;
    this.#header.hidden = this.#main.hidden = state === "logged-out" || (state !== "live" && !known);
    if (state === "logged-out") {
      closeDialogs();
      this.#logIn.querySelector("input").focus();
    }
    if (state === "live") this.#turn();
  }

  #turn() {
    const [path, asked] = location.hash.slice(1).split("?");
    const [wanted, detail] = path.split("/");
    const chosen = VIEWS.includes(wanted) ? wanted : VIEWS[0];
    this.#leave(chosen);
    this.#places.set(chosen, wanted === chosen ? location.hash : `#${chosen}`);
    for (const [name, link] of this.#links) {
      // To where one was in another view, and to the beginning of this one.
      link.href = name === chosen ? `#${name}` : this.#places.get(name) ?? `#${name}`;
      if (name === chosen) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const view = this.#views.get(chosen);
    if (view.hidden) {
      closeDialogs();
      for (const other of this.#views.values()) other.hidden = other !== view;
      this.#chosen = chosen;
      this.#showTitle();
      scrollTo(0, 0);
    }
    view.open(detail && decoded(detail), new URLSearchParams(asked));
  }

  /** Have the view that was shown end what it is about to do, and tell where one comes back to. */
  #leave(chosen) {
    for (const [name, view] of this.#views) {
      if (view.hidden || name === chosen) continue;
      const place = view.leave?.();
      if (place) this.#places.set(name, place);
    }
  }

  #showTitle() {
    const { count } = this.#requests;
    document.title = `${count ? `(${count}) ` : ""}${t(this.#chosen)} · bitween`;
  }

  #showRequests() {
    const { count } = this.#requests;
    this.#badge.hidden = !count;
    this.#badge.textContent = count;
    this.#badge.setAttribute("aria-label", t("requestCount", { n: count }));
    this.#showTitle();
  }

  #showRates() {
    const torrents = [...this.#daemon.torrents.values()];
    const sum = (key) => torrents.reduce((total, torrent) => total + (torrent[key] ?? 0), 0);
    say(this.#rates, `↓ ${rate(sum("download_rate"))}  ↑ ${rate(sum("upload_rate"))}`);
  }
}

customElements.define("bitween-app", App);
