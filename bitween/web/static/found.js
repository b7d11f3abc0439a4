// What xmpp.find answers, read page by page as somebody looks at it.

import { call } from "/web/rpc.js";

const PAGE = 100; // items that are asked for at a time

/** A source for a list; dispatches `change` when items have come. */
export class Found extends EventTarget {
  count = 0;
  #params;
  #pages = new Map(); // by number
  #stale = new Set(); // numbers of pages that are shown until they are read anew
  #wanted = []; // numbers of pages, the latest wish last
  #reading = false;

  constructor(params) {
    super();
    this.#params = params;
  }

  /** Read the first page; fails as the call does. */
  async begin() {
    await this.#read(0);
  }

  at(index) {
    const number = Math.floor(index / PAGE);
    if (!this.#pages.has(number) || this.#stale.has(number)) this.#want(number);
    return this.#pages.get(number)?.[index % PAGE] ?? null;
  }

  /** Have what is looked at read anew. */
  async refresh() {
    this.#stale = new Set(this.#pages.keys());
    await this.#read(0);
    this.dispatchEvent(new Event("change"));
  }

  #want(number) {
    this.#wanted = [...this.#wanted.filter((other) => other !== number), number].slice(-4);
    if (!this.#reading) this.#work();
  }

  async #work() {
    this.#reading = true;
    try {
      while (this.#wanted.length) {
        await this.#read(this.#wanted.pop());
        this.dispatchEvent(new Event("change"));
      }
    } catch (error) {
      this.#wanted = [];
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    } finally {
      this.#reading = false;
    }
  }

  async #read(number) {
    const page = await call("xmpp.find", { ...this.#params, offset: number * PAGE, limit: PAGE });
    this.count = page.total;
    this.#pages.set(number, page.items);
    this.#stale.delete(number);
  }
}
