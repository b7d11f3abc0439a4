// The browsers that are logged in, each with a button that logs it out.

import { secret } from "/docs/session.js";
import { make, named, say } from "/web/dom.js";
import { moment } from "/web/format.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

// What a browser says that it is holds the names of others as well: the first that fits is it.
const BROWSERS = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]];

function short(browser) {
  const first = (table) => table.find(([sign]) => browser.includes(sign))?.[1];
  return [first(BROWSERS), first(SYSTEMS)].filter(Boolean).join(", ") || browser || t("unknownBrowser");
}

export class SessionList extends HTMLElement {
  #toasts = null;
  #heading = make("h2", { tabindex: -1 }, t("sessions"));
  #list = make("ul", { class: "findings" });

  begin(toasts) {
    this.#toasts = toasts;
    this.hidden = true;
    this.append(this.#heading, this.#list);
  }

  /** Read them; who may only look is shown none. */
  async read() {
    const { sessions } = await call("session.list").catch((error) => {
      if (error.data?.reason === "read_only") return { sessions: [] };
      throw error;
    });
    this.hidden = !sessions.length;
    this.#list.replaceChildren(...sessions.map((session) => this.#shown(session)));
  }

  #shown({ session, browser, used, expires, remembered }) {
    const own = secret()?.startsWith(`${session}.`);
    const name = short(browser);
    const said = own ? t("thisBrowser") : t("lastUsed", { time: moment(used) });
    const until = remembered ? ` · ${t("loggedInUntil", { time: moment(expires) })}` : "";
    const line = make("li", {}, named(name, { title: browser }), ` · ${said}${until} `);
    if (!own) {
      const end = () => this.#end(session);
      line.append(make("button", { type: "button", "aria-label": t("logOutLabel", { name }), click: end }, t("logOut")));
    }
    return line;
  }

  async #end(session) {
    await this.#toasts.attempt(async () => {
      await call("session.revoke", { session });
      await this.read();
      this.#heading.focus(); // the button that had it is gone
    });
  }
}

customElements.define("session-list", SessionList);
