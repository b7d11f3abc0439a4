// A list of any length, of which only those rows are in the document that are seen, and some more.

const EXTRA = 6; // rows above and below what is seen, so that Tab finds one to go to

/**
 * Shows a source: `count`, and `at(index)`, which gives an item, or null while it is not here.
 * Rows are elements with `fill(item)`; all are as high as the style sheet says for their class.
 */
export class VirtualList extends HTMLElement {
  #source = { count: 0, at: () => null };
  #makeRow = null;
  #rows = new Map(); // by index
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

  /** Say how rows are made, and of which class they are. */
  begin(makeRow, rowClass) {
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
    this.#dropOutside(first, last, count);
    let next = null;
    for (let index = last - 1; index >= first; index--) next = this.#place(index, count, next);
  }

  #dropOutside(first, last, count) {
    for (const [index, row] of this.#rows) {
      const inside = index >= first && index < last;
      // A row with the focus stays: without it the keyboard would lose its place.
      if (inside || (index < count && row.contains(document.activeElement))) continue;
      row.remove();
      this.#rows.delete(index);
    }
  }

  #place(index, count, next) {
    let row = this.#rows.get(index);
    if (!row) {
      row = this.#makeRow();
      this.#rows.set(index, row);
      this.insertBefore(row, next);
    }
    row.style.setProperty("transform", `translateY(${index * this.#height}px)`);
    row.setAttribute("aria-setsize", count);
    row.setAttribute("aria-posinset", index + 1);
    row.fill(this.#source.at(index));
    return row;
  }

  #keyPressed = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = [...this.#rows].find(([, row]) => row.contains(event.target))?.[0];
    if (!step || here === undefined || event.target.matches("select, input[type=text]")) return;
    if (!this.#rows.has(here + step)) this.#render(); // keys may come faster than what is seen is drawn
    const row = this.#rows.get(here + step);
    if (!row) return;
    event.preventDefault();
    (row.querySelector("button:not([hidden]), a:not([hidden]), input") ?? row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
}

customElements.define("virtual-list", VirtualList);
