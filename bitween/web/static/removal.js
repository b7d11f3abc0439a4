// Asks before a download leaves the list, and before its files leave the disk.

import { make, named, say } from "/web/dom.js";
import { size } from "/web/format.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

/** Whether bitween put the files there: those that were there before are never deleted from here. */
export const isDeletable = ({ origin }) => origin !== "shared";

export class RemovalDialog extends HTMLElement {
  #toasts = null;
  #torrent = null;
  #deletion = null; // as bt.get_deletion answers
  #remove = null;
  #latest = 0;
  #title = make("h2", { id: "removal" });
  #name = make("p", { class: "facts" });
  #box = make("input", { type: "checkbox", change: () => this.#show() });
  #offer = make("span");
  #label = make("label", { class: "check" }, this.#box, this.#offer);
  #what = make("p", { role: "status" });
  #cancel = make("button", { type: "button", click: () => this.#dialog.close() }, t("cancel"));
  #do = make("button", { type: "button", click: () => this.#agreed() });
  #dialog = make("dialog", { "aria-labelledby": "removal" });

  /** @param remove takes a torrent, and whether its files are to be deleted */
  begin(toasts, remove) {
    this.#toasts = toasts;
    this.#remove = remove;
    this.#dialog.append(
      this.#title, this.#name, this.#label, this.#what,
      make("div", { class: "actions" }, this.#cancel, this.#do));
    this.append(this.#dialog);
  }

  async open(torrent) {
    const turn = ++this.#latest;
    let deletion = null;
    const read = async () => { deletion = await call("bt.get_deletion", { hash: torrent.hash }); };
    if (!(await this.#toasts.attempt(read, () => this.open(torrent)))) return;
    // Another one is asked about since, and may be just agreed to; or another view is shown.
    if (turn !== this.#latest || !this.checkVisibility()) return;
    this.#torrent = torrent;
    this.#deletion = deletion;
    this.#box.checked = false;
    this.#label.hidden = !this.#deletion.files;
    this.#name.replaceChildren(named(torrent.name || t("unnamed")));
    say(this.#offer, t("alsoDelete", this.#amount));
    this.#show();
    this.#dialog.showModal();
    this.#cancel.focus();
  }

  get #amount() {
    return { n: this.#deletion.files, size: size(this.#deletion.size) };
  }

  #show() {
    const { trash, kept } = this.#deletion;
    const deletes = this.#box.checked;
    say(this.#title, deletes ? t("deleteFiles", this.#amount) : t("removeFromList"));
    const said = [deletes ? t(trash ? "toTrash" : "forGood") : t("filesStay")];
    if (deletes && kept) said.push(t("filesKept", { n: kept }));
    say(this.#what, said.join(" "));
    say(this.#do, t(deletes ? (trash ? "moveToTrash" : "deleteNow") : "removeNow"));
    this.#do.className = deletes ? "danger" : "main";
  }

  #agreed() {
    this.#dialog.close();
    this.#remove(this.#torrent, this.#box.checked);
  }
}

customElements.define("removal-dialog", RemovalDialog);
