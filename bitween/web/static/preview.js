// One file of a torrent, played or shown; what is missing of it is fetched first meanwhile.

import { legible, make, named, say } from "/web/dom.js";
import { Unreachable } from "/web/errors.js";
import { size } from "/web/format.js";
import { fileTicket } from "/web/rpc.js";
import { t } from "/web/strings.js";

const READ = 256 * 1024; // of a text, how many bytes are shown

/** Where the daemon gives a file to who shows the ticket. */
export const addressOf = (hash, index, ticket) => `/files/${hash}/${index}?ticket=${ticket}`;

const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1);

export class PreviewDialog extends HTMLElement {
  #hash = "";
  #file = null;
  #address = "";
  #reading = null; // aborts the reading of a text, or of why something cannot be shown
  #title = named("");
  #note = make("p", { role: "status" });
  #trouble = make("p", { class: "trouble", role: "alert" });
  #stage = make("div", { class: "stage" });
  #again = make("button", { type: "button", click: () => this.#show() }, t("tryAgain"));
  #close = make("button", { type: "button", click: () => this.#dialog.close() }, t("close"));
  #save = make("a", { class: "button", download: true }, t("saveFile"));
  #dialog = make("dialog", { close: () => this.#clear(), "aria-labelledby": "preview-of" });

  connectedCallback() {
    this.#dialog.append(
      make("h2", { id: "preview-of" }, this.#title), this.#stage, this.#note, this.#trouble,
      make("div", { class: "actions" },
        this.#again, this.#save, this.#close));
    this.append(this.#dialog);
  }

  /** Show a file as `bt.get_files` tells it. */
  open(hash, file) {
    this.#hash = hash;
    this.#file = file;
    say(this.#title, nameOf(file.path));
    this.#save.removeAttribute("href");
    this.#dialog.showModal();
    this.#show();
  }

  async #show(at = 0) {
    this.#clear();
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    this.#close.focus(); // what has it may go now
    this.#again.hidden = true;
    say(this.#trouble, "");
    say(this.#note, t("waitsForBytes"));
    try {
      this.#address = addressOf(this.#hash, this.#file.index, await fileTicket(this.#hash));
    } catch (error) {
      if (!signal.aborted) this.#fail(error instanceof Unreachable ? t("away") : error.message, error.english);
      return;
    }
    if (signal.aborted) return;
    this.#save.href = this.#address;
    const { preview } = this.#file;
    if (preview === "text") this.#showText();
    else if (preview === "image") this.#showImage();
    else this.#play(preview, at);
  }

  #play(kind, at) {
    const settled = () => say(this.#note, "");
    const player = make(kind, {
      controls: true, autoplay: true, src: this.#address, "aria-label": legible(this.#file.path),
      loadeddata: settled, playing: settled, pause: settled,
      waiting: () => say(this.#note, t("waitsForBytes")),
      error: () => this.#explain(player),
    });
    player.currentTime = at;
    this.#stage.append(player);
    player.focus();
  }

  #showImage() {
    const image = make("img", {
      alt: legible(nameOf(this.#file.path)), src: this.#address,
      load: () => say(this.#note, ""),
      error: () => this.#explain(image),
    });
    this.#stage.append(image);
  }

  async #showText() {
    const { signal } = this.#reading;
    const headers = this.#file.size > READ ? { Range: `bytes=0-${READ - 1}` } : {};
    try {
      const response = await fetch(this.#address, { headers, signal });
      const text = await response.text();
      if (!response.ok) {
        this.#saidNo(text);
        return;
      }
      const shown = make("pre", { tabindex: 0, dir: "auto", "aria-labelledby": "preview-of" }, legible(text));
      this.#stage.append(shown);
      shown.focus(); // so that keys scroll it
      say(this.#note, this.#file.size > READ ? t("onlyTheBeginning", { size: size(READ) }) : "");
    } catch {
      if (!signal.aborted) this.#fail(t("away"));
    }
  }

  /** Say why a player gave up: the daemon has words for it, or the browser cannot show such a file. */
  async #explain(player) {
    const { signal } = this.#reading;
    if (!player.isConnected) return;
    player.remove();
    try {
      const response = await fetch(this.#address, { headers: { Range: "bytes=0-0" }, signal });
      if (response.status === 401) this.#show(player.currentTime); // it stood still for an hour
      else if (response.ok) this.#fail(t("cannotShow"));
      else this.#saidNo(await response.text());
    } catch {
      if (!signal.aborted) this.#fail(t("away"));
    }
  }

  /** Tell what the daemon said in place of the file. */
  #saidNo(english) {
    this.#fail(english.trim(), english.trim());
  }

  #fail(text, english = "") {
    say(this.#note, "");
    say(this.#trouble, text, english);
    this.#again.hidden = false;
    if (!this.#dialog.contains(document.activeElement)) this.#again.focus();
  }

  // A player that is only taken out of the document would go on reading.
  #clear() {
    this.#reading?.abort();
    const player = this.#stage.querySelector("audio, video, img");
    player?.remove();
    player?.removeAttribute("src");
    player?.load?.();
    this.#stage.replaceChildren();
  }
}

customElements.define("preview-dialog", PreviewDialog);
