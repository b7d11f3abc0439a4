// Sends files to the daemon's machine, to be shared from there.

import { credentials } from "/docs/session.js";
import "/web/access_choice.js";
import { iconButton, legible, make, named, say } from "/web/dom.js";
import { Hindered, LogInNeeded, Refused } from "/web/errors.js";
import { rate, size, time } from "/web/format.js";
import { askAboutTorrentFile, get } from "/web/getting.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";
import { describedBy } from "/web/torrent_file.js";

const SHOWN = 5; // names that are told before it begins

/** Sending did not come to its end: somebody does not want it any more, or the browser does not say why. */
class BrokenOff extends Error {}

/** The files behind what was dropped, with their paths; folders are walked through. */
async function dropped(transfer) {
  // Both have to be asked before anything is waited for.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files].map((file) => ({ path: file.name, file }));
  return entries.length ? (await Promise.all(entries.map((entry) => walked(entry, "")))).flat() : files;
}

async function walked(entry, above) {
  const path = above + entry.name;
  if (entry.isFile) return [{ path, file: await new Promise((found, failed) => entry.file(found, failed)) }];
  const reader = entry.createReader();
  const inside = [];
  for (;;) { // it gives a hundred at a time
    const some = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!some.length) break;
    for (const below of some) inside.push(...await walked(below, `${path}/`));
  }
  return inside;
}

/**
 * What is to be sent as one: a file, a folder, or several of them in a new folder.
 * `name` is empty where there is none yet, and `folder` says whether paths lie below one.
 */
function parcel(files) {
  const tops = new Set(files.map(({ path }) => path.split("/")[0]));
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  const [name] = tops;
  if (tops.size > 1) return { name: "", folder: true, files, total };
  const folder = files[0].path.includes("/");
  const below = folder ? files.map(({ path, file }) => ({ path: path.slice(name.length + 1), file })) : files;
  return { name, folder, files: below, total };
}

class UploadRow extends HTMLElement {
  #parcel;
  #request = null;
  #upload = null; // as the daemon calls it
  #cancelled = false;
  #sent = 0; // bytes of the files before this one
  #began = 0;
  #text = named("", { class: "name" });
  #facts = make("span", { class: "facts" });
  #bar = make("progress", { max: 1, value: 0 });

  constructor(parcel) {
    super();
    this.#parcel = parcel;
  }

  connectedCallback() {
    const name = legible(this.#parcel.name);
    this.setAttribute("role", "listitem");
    say(this.#text, t("uploading", { name }));
    say(this.#facts, t("uploadWaits"));
    this.#bar.setAttribute("aria-label", this.#text.textContent);
    this.append(
      make("span", { class: "texts" }, this.#text, this.#facts), this.#bar,
      iconButton("close", t("cancelUpload", { name }), () => this.#cancel()));
  }

  /** Send everything; gives when the daemon has it, and has begun to read it. */
  async send() {
    if (this.#cancelled) return;
    const { name, folder, files, total, access } = this.#parcel;
    this.#began = performance.now();
    try {
      this.#upload = (await call("upload.begin", { name, folder, size: total })).upload;
      for (const { path, file } of files) {
        if (this.#cancelled) throw new BrokenOff();
        await this.#put(path, file);
        this.#sent += file.size;
      }
      await call("upload.finish", { upload: this.#upload, ...access });
    } catch (error) {
      const why = await this.#end(error);
      if (!this.#cancelled) throw why;
    }
  }

  /** Have the daemon remove what was sent; it may know better why that did not come to its end. */
  async #end(error) {
    if (!this.#upload) return error;
    try {
      await call("upload.cancel", { upload: this.#upload });
    } catch (reason) {
      if (error instanceof BrokenOff) return reason;
    }
    return error instanceof BrokenOff ? new Hindered(t("brokeOff")) : error;
  }

  #cancel() {
    this.#cancelled = true;
    this.#request?.abort();
    this.remove();
  }

  #put(path, file) {
    const quoted = path.split("/").map(encodeURIComponent).join("/");
    const request = new XMLHttpRequest(); // fetch does not tell how much is sent
    this.#request = request;
    return new Promise((done, failed) => {
      request.upload.addEventListener("progress", ({ loaded }) => this.#show(loaded));
      for (const event of ["abort", "error"]) request.addEventListener(event, () => failed(new BrokenOff()));
      request.addEventListener("load", () => {
        if (request.status < 300) done();
        else if (request.status === 401) failed(new LogInNeeded());
        else failed(new Refused({ message: request.responseText.trim() }));
      });
      request.open("PUT", `/upload/${quoted}?upload=${this.#upload}`);
      for (const [name, value] of Object.entries(credentials())) request.setRequestHeader(name, value);
      request.send(file);
    });
  }

  #show(loaded) {
    const done = this.#sent + loaded;
    const seconds = (performance.now() - this.#began) / 1000;
    const { total } = this.#parcel;
    this.#bar.value = total ? done / total : 1;
    const amount = t("ofSize", { done: size(done), size: size(total) });
    say(this.#facts, seconds > 1 ? `${amount} · ↑ ${rate(done / seconds)}` : amount);
  }
}

customElements.define("upload-row", UploadRow);

/** Asks before files are sent, and shows how far they are. */
export class UploadArea extends HTMLElement {
  #toasts = null;
  #question = null;
  #next = null; // who may have what is shared
  #parcel = null;
  #last = Promise.resolve();
  #count = 0;
  #target = make("p", { class: "drop-here", hidden: true }, t("dropHere"));
  #rows = make("div", { role: "list", class: "jobs", "aria-label": t("uploads") });
  #title = make("h2", { id: "upload-what" });
  #about = make("p", { class: "facts" });
  #access = make("access-choice");
  #names = make("ul", { class: "names" });
  #name = make("input", { type: "text", id: "upload-name", required: true, maxlength: 200, autocomplete: "off" });
  #naming = make("label", { class: "naming" }, t("uploadName"), this.#name);
  #dialog = make("dialog", { "aria-labelledby": "upload-what" });

  begin(toasts, question, next) {
    this.#toasts = toasts;
    this.#question = question;
    this.#next = next;
    this.#access.begin(next);
    next.addEventListener("change", () => this.#entitle());
    const close = () => this.#dialog.close();
    this.#dialog.append(
      this.#title, this.#about, this.#names,
      make("form", { submit: (event) => this.#agreed(event) }, this.#naming, this.#access,
        make("div", { class: "actions" },
          make("button", { class: "main" }, t("uploadAndShare")),
          make("button", { type: "button", click: close }, t("cancel")))));
    this.append(this.#rows);
    // Outside the view, so that something can be dropped wherever one is.
    this.closest("bitween-app").append(this.#target, this.#dialog);
    document.addEventListener("dragover", (event) => this.#over(event));
    document.addEventListener("dragleave", (event) => this.#left(event));
    document.addEventListener("drop", (event) => this.#drop(event));
    addEventListener("beforeunload", (event) => {
      if (this.#count) event.preventDefault();
    });
  }

  /** Ask whether the files of an input are to be shared. */
  choose(input) {
    const files = [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    input.value = "";
    this.#ask(files);
  }

  #takes({ dataTransfer }) {
    return dataTransfer?.types.includes("Files") && !document.querySelector("main[hidden], dialog[open]");
  }

  #over(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the browser would open what is dropped beside
    const takes = this.#takes(event);
    event.dataTransfer.dropEffect = takes ? "copy" : "none";
    this.#target.hidden = !takes;
  }

  #left(event) {
    if (event.relatedTarget === null) this.#target.hidden = true;
  }

  async #drop(event) {
    this.#target.hidden = true;
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (!this.#takes(event)) return;
    try {
      await this.#ask(await dropped(event.dataTransfer));
    } catch (error) {
      this.#toasts.complain(new Hindered(t("unreadable", { why: error.message })));
    }
  }

  async #ask(files) {
    if (files.length === 1 && await this.#isDescription(files[0].file)) return;
    const content = files.some(({ file }) => file.size);
    if (!content) {
      this.#toasts.complain(new Hindered(t("nothingInIt")));
      return;
    }
    this.#parcel = parcel(files);
    const { name, total } = this.#parcel;
    say(this.#about, t("uploadAbout", { n: files.length, size: size(total) }));
    const told = name ? [name] : [...new Set(files.map(({ path }) => path.split("/")[0]))];
    this.#names.replaceChildren(
      ...told.slice(0, SHOWN).map((text) => make("li", {}, named(text))),
      ...(told.length > SHOWN ? [make("li", {}, t("andMore", { n: told.length - SHOWN }))] : []));
    this.#naming.hidden = this.#name.disabled = Boolean(name);
    this.#name.value = t("uploadNamed", { time: time(Date.now() / 1000) }).replaceAll(/[/\\]/g, "-");
    this.#entitle();
    this.#dialog.showModal();
  }

  #entitle() {
    say(this.#title, t("shareThis", { who: this.#next.who }));
  }

  /** Whether a file describes a torrent, and that is downloaded, or nothing is to be done. */
  async #isDescription(file) {
    const described = await describedBy(file);
    if (!described) return false;
    const answer = await askAboutTorrentFile(this.#question, { name: file.name });
    if (answer === "get") await this.#toasts.attempt(() => get(described, this.#toasts));
    return answer !== "share";
  }

  #agreed(event) {
    event.preventDefault();
    this.#dialog.close();
    const row = new UploadRow({
      ...this.#parcel, name: this.#parcel.name || this.#name.value, access: this.#next.parameters,
    });
    this.#rows.append(row);
    location.hash = "torrents";
    this.#count += 1;
    // One after the other: together they would not be there any sooner.
    this.#last = this.#last.then(async () => {
      await this.#toasts.attempt(() => row.send());
      row.remove();
      this.#count -= 1;
    });
  }
}

customElements.define("upload-area", UploadArea);
