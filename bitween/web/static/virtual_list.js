// A list of any length, of which only those rows are in the document that are seen, and some more.

const EXTRA = 6; // rows above and below what is seen, so that Tab finds one to go to

// The key of a row whose item is not here yet: no item has such a one.
const emptyAt = (index) => `\0${index}`;

/**
 * Shows a source: `count`, and `at(index)`, which gives an item, or null while it is not here.
 * Rows are elements with `fill(item)`; all are as high as the style sheet says for their class.
 * A row never shows another item than its first one: it moves with that, and so does the focus, and what is
 * pressed while rows move is done to the item that it was pressed for.
 */
export class VirtualList extends HTMLElement {
  #source = { count: 0, at: () => null };
  #makeRow = null;
  #keyOf = null;
  #rows = new Map(); // by the key of what each shows: the row, and its index
  #probe = document.createElement("div");
  #height = 0;
  #drawing = 0;
  #watch = new ResizeObserver(() => this.#measure());
  #draw = () => {
    if (!this.#drawing) this.#drawing = requestAnimationFrame(() => this.#render());
  };

  connectedCallback() {
    this.setAttribute("role", "list");
    this.append(this.#probe);
    this.#watch.observe(this.#probe);
    // Caught on the way down, for the list may scroll with the page or with a dialogue.
    document.addEventListener("scroll", this.#draw, { capture: true, passive: true });
    addEventListener("resize", this.#draw);
    this.addEventListener("keydown", this.#keyPressed);
  }

  disconnectedCallback() {
    this.#watch.disconnect();
    document.removeEventListener("scroll", this.#draw, { capture: true });
    removeEventListener("resize", this.#draw);
    this.removeEventListener("keydown", this.#keyPressed);
  }

  /** Say how rows are made, of which class they are, and what tells an item from all others. */
  begin(makeRow, rowClass, keyOf) {
    this.#keyOf = keyOf;
    this.#makeRow = () => {
      const row = makeRow();
      row.classList.add("row", rowClass);
      row.setAttribute("role", "listitem");
      row.tabIndex = -1;
      return row;
    };
    this.#probe.className = `row probe ${rowClass}`;
    this.#probe.setAttribute("aria-hidden", "true");
  }

  /** Show another source, or what the one that is shown has become. */
  show(source = this.#source) {
    this.#source = source;
    this.#draw();
  }

  #measure() {
    this.#height = this.#probe.offsetHeight;
    this.#draw();
  }

  #render() {
    this.#drawing = 0;
    if (!this.#height || !this.offsetParent) return;
    const count = this.#source.count;
    this.style.setProperty("height", `${count * this.#height}px`);
    const top = this.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / this.#height) - EXTRA);
    const last = Math.min(count, Math.ceil((innerHeight - top) / this.#height) + EXTRA);
    const rows = new Map();
    for (let index = first; index < last; index++) {
      const item = this.#source.at(index);
      const key = this.#keyFor(item, index, rows);
      const row = (this.#rows.get(key) ?? this.#rows.get(emptyAt(index)))?.row ?? this.#makeRow();
      rows.set(key, { row, index });
      row.dataset.key = key;
      this.#place(row, index, count);
      row.fill(item);
    }
    this.#leaveOut(rows, (index) => index < count && (index < first || index >= last));
    this.#rows = rows;
    this.#order([...rows.values()].sort((one, other) => one.index - other.index).map(({ row }) => row));
  }

  #keyFor(item, index, rows) {
    if (item === null) return emptyAt(index);
    let key = `${this.#keyOf(item)}`;
    // What has moved from one page of answers to another is in both until the second one is read again.
    while (rows.has(key)) key = `${key}\0`;
    return key;
  }

  /** Remove the rows that are not in use any more, but outside of what is seen one with the focus. */
  #leaveOut(rows, isOutside) {
    const used = new Set([...rows.values()].map(({ row }) => row));
    for (const [key, { row, index }] of this.#rows) {
      if (used.has(row)) continue;
      // Without it the keyboard would lose its place.
      if (isOutside(index) && row.contains(document.activeElement)) rows.set(key, { row, index });
      else row.remove();
    }
  }

  #place(row, index, count) {
    row.style.setProperty("transform", `translateY(${index * this.#height}px)`);
    row.setAttribute("aria-setsize", count);
    row.setAttribute("aria-posinset", index + 1);
  }

  /** Have Tab go from each row to the next one. What has the focus would lose it if it were moved. */
  #order(shown) {
    let next = null;
    for (const row of shown.toReversed()) {
      const moves = row.parentNode !== this || row.nextSibling !== next;
      if (moves && !row.contains(document.activeElement)) this.insertBefore(row, next);
      next = row;
    }
  }

  #rowAt(index) {
    return [...this.#rows.values()].find((entry) => entry.index === index)?.row;
  }

  #keyPressed = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = [...this.#rows.values()].find(({ row }) => row.contains(event.target))?.index;
    if (!step || here === undefined || event.target.matches("select, input[type=text]")) return;
    if (!this.#rowAt(here + step)) this.#render(); // keys may come faster than what is seen is drawn
    const row = this.#rowAt(here + step);
    if (!row) return;
    event.preventDefault();
    (row.querySelector("button:not([hidden]), a:not([hidden]), input") ?? row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
}

customElements.define("virtual-list", VirtualList);
