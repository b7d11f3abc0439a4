// The note and the tags of a torrent, which contacts read.

import { legible, make } from "/web/dom.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

const MAX_NOTE = 1000; // characters

/** Tags as one text; daemons of earlier versions have none. */
export const tagsText = ({ tags = [] }) => tags.map((tag) => `#${legible(tag)}`).join(" ");

/** What is said about a torrent or share, in one line; empty if nothing is. */
export const aboutText = (item) => [tagsText(item), legible(item.note ?? "")].filter(Boolean).join(" · ");

export class NoteForm extends HTMLElement {
  #toasts = null;
  #hash = null;
  #note = make("input", { type: "text", id: "note", maxlength: MAX_NOTE, autocomplete: "off" });
  #tags = make("input", { type: "text", id: "tags", autocomplete: "off" });
  #details = make("details");

  begin(toasts) {
    this.#toasts = toasts;
    const form = make("form", { submit: (event) => this.#submitted(event) },
      make("label", { for: "note" }, t("note")), this.#note,
      make("label", { for: "tags" }, t("tags")), this.#tags,
      make("button", { type: "submit" }, t("saveNote")));
    this.#details.append(make("summary", {}, t("noteAndTags")), form);
    this.append(this.#details);
  }

  /** Show what a torrent has, for the user to change it. */
  fill({ hash, note = "", tags = [] }) {
    this.#hash = hash;
    this.#note.value = note;
    this.#tags.value = tags.join(", ");
    this.#details.open = Boolean(note || tags.length);
  }

  async #submitted(event) {
    event.preventDefault();
    const tags = this.#tags.value.split(",").map((tag) => tag.trim()).filter(Boolean);
    await this.#toasts.attempt(async () => {
      this.fill({ hash: this.#hash, ...(await call("bt.set_note", { hash: this.#hash, note: this.#note.value, tags })) });
      this.#toasts.tell(t("noteSaved"));
    });
  }
}

customElements.define("note-form", NoteForm);
