// How the daemon is, what keeps transfers from working, and what it is set to.

import { legible, make, say, withEnglish } from "/web/dom.js";
import { duration, moment, rate, size, time } from "/web/format.js";
import { errorText, findingMessage } from "/web/messages.js";
import { call, logOut } from "/web/rpc.js";
import "/web/own_devices.js";
import "/web/sessions.js";
import { LANGUAGES, chooseLanguage, chosenLanguage, t } from "/web/strings.js";
import "/web/notifications.js";

const KILO = 1000;
const STATES = { online: "stateOnline", connecting: "stateConnecting", waiting: "stateWaiting", failed: "stateFailed" };
const VERDICTS = { good: "verdictGood", warning: "verdictWarning", bad: "verdictBad", unknown: "verdictUnknown" };
const WORST_FIRST = ["bad", "warning", "unknown", "good"];
const CHECKS = {
  "log-in": "checkLogIn", certificate: "checkCertificate", pep: "checkPep", clock: "checkClock", proxy: "checkProxy", stun: "checkStun",
  address: "checkAddress", listening: "checkListening", mapping: "checkMapping", nat: "checkNat", "dial-back": "checkDialBack", way: "checkWay", addresses: "checkAddresses", contacts: "checkContacts", disk: "checkDisk",
};
const LEVELS = { warn: "levelWarn", error: "levelError", critical: "levelCritical" };
const ORIGINS = { "command line": "originCommandLine", file: "originFile", default: "originDefault" };

const addresses = (list) => list.map(([host, port]) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(", ") || t("nothing");
const limit = (bytes) => (bytes ? rate(bytes) : t("unlimited"));

export class StatusView extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #versions = null;
  #facts = make("dl");
  #language = make("select", { id: "language", change: () => chooseLanguage(this.#language.value) });
  #typed = false; // whether somebody has put in limits that are not set yet
  #up = this.#limitInput("up");
  #down = this.#limitInput("down");
  #scheduled = make("p", { class: "facts" });
  #schedule = make("p", { class: "facts" });
  #findings = make("ul", { class: "findings", "aria-live": "polite" });
  #devices = make("own-devices");
  #sessions = make("session-list");
  #warnings = make("ul", { class: "findings warnings", "aria-live": "polite" });
  #noWarnings = make("p", { class: "facts" });
  #settings = make("tbody");

  begin(daemon, toasts, { devices }) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    this.#language.append(
      new Option(t("byBrowser"), "", true, !chosenLanguage),
      ...Object.entries(LANGUAGES).map(([name, text]) => new Option(text, name, false, name === chosenLanguage)));
    this.#sessions.begin(toasts);
    this.#devices.begin(daemon, devices);
    this.append(
      make("h1", {}, t("status")), this.#facts,
      make("div", { class: "tools preferences" }, make("label", {}, t("language"), this.#language)),
      make("h2", {}, t("limits")),
      make("form", { class: "tools", submit: (event) => this.#limit(event) },
        make("label", { for: "up" }, t("upload")), this.#up,
        make("label", { for: "down" }, t("download")), this.#down,
        make("span", { class: "facts" }, t("limitHint")),
        make("button", { class: "main" }, t("keepLimits"))),
      this.#scheduled, this.#schedule,
      make("notification-switch"),
      this.#devices,
      make("h2", {}, t("diagnosis")), this.#findings,
      make("p", {}, make("button", { type: "button", click: () => this.#diagnose() }, t("lookAgain"))),
      make("h2", {}, t("warnings")), this.#warnings, this.#noWarnings,
      this.#settingsTable(), this.#sessions,
      make("p", {}, make("a", { href: "/docs" }, t("api"))),
      make("p", {}, make("button", { type: "button", click: () => this.#leave() }, t("logOut"))));
    daemon.addEventListener("status", () => this.#show());
    daemon.addEventListener("warnings", () => this.hidden || this.#toasts.read(() => this.#readWarnings()));
  }

  async open() {
    await this.#toasts.read(async () => {
      this.#versions ??= await call("Api.versions");
      await this.#daemon.readStatus();
      this.#fillLimits();
      await this.#devices.read();
      await this.#readWarnings();
      await this.#readSettings();
      await this.#sessions.read();
      await this.#diagnose();
    });
  }

  async #leave() {
    if (await this.#toasts.attempt(logOut)) location.reload();
  }

  #settingsTable() {
    const heads = ["setting", "value", "origin"].map((key) => make("th", { scope: "col" }, t(key)));
    return make("details", {},
      make("summary", {}, make("h2", {}, t("settings"))),
      make("p", { class: "facts" }, t("settingsHow")),
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), this.#settings));
  }

  #show() {
    const { status } = this.#daemon;
    const { state, since, error } = status.connection;
    const why = error && errorText(status.connection, error);
    const connection = [t(STATES[state]), t("since", { time: time(since) }), why].filter(Boolean);
    const room = status.free === null ? "roomUnknown" : "roomIn";
    const facts = [
      ["account", status.jid],
      ["connection", connection.join(" · ")],
      ["listens", addresses(status.listen)],
      ["addresses", addresses(status.addresses)],
      ["room", t(room, { size: size(status.free), path: status.download_dir })],
      ["runsFor", duration(status.uptime)],
    ];
    if (this.#versions) facts.push(["versions", Object.entries(this.#versions).map(([name, version]) => `${name} ${version}`).join(", ")]);
    this.#facts.replaceChildren(...facts.flatMap(([key, text]) => [make("dt", {}, t(key)), make("dd", {}, ...withEnglish(text, error))]));
    this.#showSchedule();
  }

  #showSchedule() {
    const { scheduled, now } = this.#daemon.status.limits;
    say(this.#scheduled, scheduled ? t("scheduled", { up: limit(now.upload), down: limit(now.download) }) : "");
  }

  #limitInput(id) {
    const typed = () => { this.#typed = true; };
    return make("input", { type: "number", id, min: 0, step: "any", inputmode: "numeric", input: typed });
  }

  #fillLimits() {
    if (this.#typed) return;
    const { upload, download } = this.#daemon.status.limits;
    this.#up.value = upload ? upload / KILO : "";
    this.#down.value = download ? download / KILO : "";
  }

  async #limit(event) {
    event.preventDefault();
    const bytes = (input) => Math.round(Number(input.value) * KILO);
    await this.#toasts.attempt(async () => {
      await call("bt.set_limits", { upload: bytes(this.#up), download: bytes(this.#down) });
      this.#typed = false;
      await this.#daemon.readStatus();
      this.#toasts.tell(t("limitsKept"));
    });
  }

  async #diagnose() {
    await this.#toasts.attempt(async () => {
      const { findings } = await call("net.diagnose");
      findings.sort((one, other) => WORST_FIRST.indexOf(one.verdict) - WORST_FIRST.indexOf(other.verdict));
      this.#findings.replaceChildren(...findings.map(shownFinding));
    });
  }

  async #readWarnings() {
    const { warnings } = await call("Api.warnings");
    this.#warnings.replaceChildren(...warnings.reverse().map(shownWarning));
    say(this.#noWarnings, warnings.length ? "" : t("noWarnings"));
  }

  async #readSettings() {
    const { settings } = await call("Api.settings");
    this.#settings.replaceChildren(...settings.map(shownSetting));
    const entries = settings.find(({ name }) => name === "schedule")?.value ?? [];
    say(this.#schedule, entries.length ? t("schedule", { entries: entries.join("; ") }) : "");
  }
}

function shownFinding(finding) {
  const { check, verdict, text, fix } = finding;
  const known = findingMessage(finding);
  const shown = make("li", { class: verdict },
    make("strong", {}, t(VERDICTS[verdict])), " ",
    `${CHECKS[check] ? t(CHECKS[check]) : check}: `,
    make("span", {}, ...withEnglish(known.text, text)));
  if (known.fix) shown.append(make("span", { class: "facts" }, ...withEnglish(known.fix, fix)));
  return shown;
}

function shownWarning({ time: when, level, text, more }) {
  const facts = [moment(when), ...(more ? [t("leftOut", { n: more })] : [])];
  return make("li", { class: level === "warn" ? "warning" : "bad" },
    make("strong", {}, t(LEVELS[level])), " ",
    make("span", { lang: "en" }, legible(text)),
    make("span", { class: "facts" }, facts.join(" · ")));
}

function shownSetting({ name, value, origin, changeable }) {
  const from = [t(ORIGINS[origin]), ...(changeable ? [t("changeable")] : [])];
  return make("tr", {},
    make("th", { scope: "row" }, name),
    make("td", { dir: "auto" }, legible(settingText(value))),
    make("td", {}, from.join(", ")));
}

function settingText(value) {
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return (Array.isArray(value) ? value.join(", ") : value) || t("notSet");
}

customElements.define("status-view", StatusView);
