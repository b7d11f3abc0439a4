// How the daemon is, and what keeps transfers from working.

import { make, say } from "/web/dom.js";
import { duration, rate, time } from "/web/format.js";
import { call, logOut } from "/web/rpc.js";
import { t } from "/web/strings.js";
import "/web/notifications.js";

const KILO = 1000;
const STATES = { online: "stateOnline", connecting: "stateConnecting", waiting: "stateWaiting", failed: "stateFailed" };
const VERDICTS = { good: "verdictGood", warning: "verdictWarning", bad: "verdictBad", unknown: "verdictUnknown" };

const addresses = (list) => list.map(([host, port]) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(", ") || t("nothing");
const limit = (bytes) => (bytes ? rate(bytes) : t("unlimited"));

export class StatusView extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #versions = null;
  #facts = make("dl");
  #up = make("input", { type: "number", id: "up", min: 0, step: "any", inputmode: "numeric" });
  #down = make("input", { type: "number", id: "down", min: 0, step: "any", inputmode: "numeric" });
  #scheduled = make("p", { class: "facts" });
  #findings = make("ul", { class: "findings", "aria-live": "polite" });

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.append(
      make("h1", {}, t("status")), this.#facts,
      make("h2", {}, t("limits")),
      make("form", { class: "tools", submit: (event) => this.#limit(event) },
        make("label", { for: "up" }, t("upload")), this.#up,
        make("label", { for: "down" }, t("download")), this.#down,
        make("span", { class: "facts" }, t("limitHint")),
        make("button", { class: "main" }, t("keepLimits"))),
      this.#scheduled,
      make("notification-switch"),
      make("h2", {}, t("diagnosis")), this.#findings,
      make("p", {}, make("button", { type: "button", click: () => this.#diagnose() }, t("lookAgain"))),
      make("p", {}, make("a", { href: "/docs" }, t("api"))),
      make("p", {}, make("button", { type: "button", click: () => this.#leave() }, t("logOut"))));
    daemon.addEventListener("status", () => this.#show());
  }

  async open() {
    await this.#toasts.attempt(async () => {
      this.#versions ??= await call("Api.versions");
      await this.#daemon.readStatus();
      this.#fillLimits();
      await this.#diagnose();
    });
  }

  async #leave() {
    if (await this.#toasts.attempt(logOut)) location.reload();
  }

  #show() {
    const { status } = this.#daemon;
    const { state, since, error } = status.connection;
    const connection = [t(STATES[state]), t("since", { time: time(since) }), error].filter(Boolean);
    const facts = [
      ["account", status.jid],
      ["connection", connection.join(" · ")],
      ["listens", addresses(status.listen)],
      ["addresses", addresses(status.addresses)],
      ["runsFor", duration(status.uptime)],
    ];
    if (this.#versions) facts.push(["versions", Object.entries(this.#versions).map(([name, version]) => `${name} ${version}`).join(", ")]);
    this.#facts.replaceChildren(...facts.flatMap(([key, text]) => [make("dt", {}, t(key)), make("dd", { dir: "auto" }, text)]));
    this.#showSchedule();
  }

  #showSchedule() {
    const { scheduled, now } = this.#daemon.status.limits;
    say(this.#scheduled, scheduled ? t("scheduled", { up: limit(now.upload), down: limit(now.download) }) : "");
  }

  #fillLimits() {
    const { upload, download } = this.#daemon.status.limits;
    this.#up.value = upload ? upload / KILO : "";
    this.#down.value = download ? download / KILO : "";
  }

  async #limit(event) {
    event.preventDefault();
    const bytes = (input) => Math.round(Number(input.value) * KILO);
    await this.#toasts.attempt(async () => {
      await call("bt.set_limits", { upload: bytes(this.#up), download: bytes(this.#down) });
      await this.#daemon.readStatus();
      this.#toasts.tell(t("limitsKept"));
    });
  }

  async #diagnose() {
    await this.#toasts.attempt(async () => {
      const { findings } = await call("net.diagnose");
      this.#findings.replaceChildren(...findings.map(shownFinding));
    });
  }
}

function shownFinding({ verdict, text, fix }) {
  const finding = make("li", { class: verdict },
    make("strong", {}, t(VERDICTS[verdict])), " ",
    make("span", { dir: "auto", lang: "en" }, text));
  if (fix) finding.append(make("span", { class: "facts", dir: "auto", lang: "en" }, fix));
  return finding;
}

customElements.define("status-view", StatusView);
