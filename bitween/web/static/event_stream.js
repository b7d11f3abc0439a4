// Server-Sent Events (WHATWG HTML §9.2) by fetch: an EventSource cannot show the log-in.

import { ask } from "/web/rpc.js";

/**
 * Dispatches `open`, each event by its type, with `data` and `lastEventId`, and one `error` when the stream
 * is over, or never began. It does not come back by itself.
 */
export class EventStream extends EventTarget {
  #ending = new AbortController();
  #lastEventId = "";

  constructor(path) {
    super();
    this.#follow(path);
  }

  close() {
    this.#ending.abort();
  }

  async #follow(path) {
    const { signal } = this.#ending;
    try {
      const response = await ask(path, { signal });
      if (response.ok) await this.#read(response.body.pipeThrough(new TextDecoderStream()));
    } catch {
      // The event tells enough: whoever asks next is told why.
    }
    if (!signal.aborted) this.dispatchEvent(new Event("error"));
  }

  async #read(stream) {
    const { signal } = this.#ending;
    this.dispatchEvent(new Event("open"));
    const reader = stream.getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) this.#take(block);
    }
  }

  /** Take what stands between two empty lines, as our daemon writes it. */
  #take(block) {
    let type = "message";
    let data = null;
    for (const line of block.split("\n")) {
      const [, field, value] = /^(\w+): (.*)$/.exec(line) ?? [];
      if (field === "id") this.#lastEventId = value;
      else if (field === "event") type = value;
      else if (field === "data") data = value;
    }
    if (data === null || this.#ending.signal.aborted) return;
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId: this.#lastEventId }));
  }
}
