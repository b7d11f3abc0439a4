// Fields to choose who may have a share, until when, and what others see of it.

import { DEVICES, EVERYBODY, audienceLabel, groupAudience, groupOf, isForDevices, isForEverybody, whoLabel } from "/web/access_text.js";
import { legible, make, named } from "/web/dom.js";
import { t } from "/web/strings.js";

const DAY = 86_400; // seconds
const ENDS = [["", "endNever"], [`${DAY}`, "endDay"], [`${7 * DAY}`, "endWeek"], ["date", "endDate"]];

/** A time as a field for date and time has it: local, to the minute. */
function localTime(seconds) {
  const moment = new Date(seconds * 1000);
  return new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const nowInSeconds = () => Date.now() / 1000;

/** Dispatches `change` when what is chosen becomes valid, or no longer is. */
export class AccessForm extends HTMLElement {
  #daemon = null;
  #before = null; // the end that the share has
  #chosen = new Set(); // groups and contacts that are ticked, as audiences
  #kinds = {}; // radio buttons
  #search = make("input", {
    type: "search", id: "access-search", autocomplete: "off", placeholder: t("searchContacts"), "aria-label": t("searchContacts"),
    input: () => this.#filter(),
  });
  #people = make("ul", { class: "people", "aria-label": t("groupsAndContacts") });
  #none = make("p", { class: "facts" }, t("noContactFound"));
  #some = make("div", { class: "some" }, this.#search, this.#people, this.#none);
  #end = make("select", { id: "access-end", change: () => this.#changed() });
  #date = make("input", { type: "datetime-local", id: "access-date", "aria-label": t("endDate"), change: () => this.#changed() });
  #listed = make("input", { type: "checkbox" });
  #listedLabel = make("label", { class: "check" }, this.#listed, t("listed"));
  #introductions = make("input", { type: "checkbox" });
  #introductionsLabel = make("label", { class: "check" }, this.#introductions, t("introductions"));

  begin(daemon) {
    this.#daemon = daemon;
    const kind = (name, text) => {
      this.#kinds[name] = make("input", { type: "radio", name: "access-kind", value: name, change: () => this.#changed() });
      return make("label", { class: "check" }, this.#kinds[name], text);
    };
    this.#end.append(...ENDS.map(([value, text]) => new Option(t(text), value)));
    this.append(
      make("fieldset", {}, make("legend", {}, t("for")),
        kind("everybody", whoLabel(EVERYBODY)), kind("some", t("groupsAndContacts")), this.#some,
        kind("devices", whoLabel(DEVICES))),
      make("div", { class: "tools" }, make("label", { for: "access-end" }, t("ends"), this.#end), this.#date),
      this.#listedLabel, this.#introductionsLabel);
  }

  /** Show what counts for a share. */
  fill({ access, expires, listed, introductions }) {
    this.#before = expires;
    this.#chosen = new Set(access.filter((who) => who !== "contacts" && who !== "devices"));
    this.#kinds[isForEverybody(access) ? "everybody" : isForDevices(access) ? "devices" : "some"].checked = true;
    this.#end.value = expires === null ? "" : "date";
    this.#date.value = localTime(expires ?? nowInSeconds() + DAY);
    this.#date.min = localTime(nowInSeconds());
    this.#listed.checked = listed;
    this.#introductions.checked = introductions;
    this.#search.value = "";
    this.#draw();
    this.#changed();
  }

  /** What is chosen, as `access.set` takes it. */
  get value() {
    return { access: this.#access, expires: this.#expires, listed: this.#listed.checked, introductions: this.#introductions.checked };
  }

  /** Whether anything valid is chosen. */
  get isValid() {
    return this.#access.length > 0 && (this.#expires === null || this.#expires > nowInSeconds());
  }

  focusFirst() {
    Object.values(this.#kinds).find(({ checked }) => checked).focus();
  }

  get #access() {
    if (this.#kinds.everybody.checked) return EVERYBODY;
    return this.#kinds.devices.checked ? DEVICES : [...this.#chosen];
  }

  get #expires() {
    if (this.#end.value === "") return null;
    if (this.#end.value !== "date") return Math.round(nowInSeconds() + Number(this.#end.value));
    // The field has minutes only: an end that stays must not become another one.
    if (this.#before !== null && this.#date.value === localTime(this.#before)) return this.#before;
    return new Date(this.#date.value).getTime() / 1000;
  }

  #changed() {
    this.#some.hidden = !this.#kinds.some.checked;
    this.#date.hidden = this.#end.value !== "date";
    this.#listedLabel.hidden = this.#kinds.everybody.checked && this.#end.value === "";
    this.#introductionsLabel.hidden = this.#kinds.devices.checked;
    this.dispatchEvent(new Event("change"));
  }

  /** Draw the groups and contacts that can be chosen; those that are ticked and are none any more stay. */
  #draw() {
    const contacts = this.#daemon.contacts.filter(({ subscription, service }) => subscription !== "none" && !service);
    const groups = new Set(contacts.flatMap(({ groups: names }) => names));
    const known = [...[...groups].toSorted().map(groupAudience), ...contacts.map(({ jid }) => jid)];
    const gone = [...this.#chosen].filter((who) => !known.includes(who));
    this.#people.replaceChildren(...[...known, ...gone].map((who) => this.#choice(who)));
    this.#filter();
  }

  #choice(who) {
    const name = audienceLabel(who, (jid) => this.#daemon.nameOf(jid));
    const box = make("input", { type: "checkbox", change: () => this.#tick(who, box.checked) });
    box.checked = this.#chosen.has(who);
    const text = groupOf(who) === null && name !== who ? [named(name), make("span", { class: "facts" }, legible(who))] : [named(name)];
    return make("li", {}, make("label", { class: "check" }, box, ...text));
  }

  #tick(who, chosen) {
    if (chosen) this.#chosen.add(who);
    else this.#chosen.delete(who);
    this.#changed();
  }

  #filter() {
    const words = this.#search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text) => words.every((word) => text.includes(word));
    for (const line of this.#people.children) line.hidden = !fits(line.textContent.toLocaleLowerCase());
    this.#none.hidden = [...this.#people.children].some(({ hidden }) => !hidden);
  }
}

customElements.define("access-form", AccessForm);
