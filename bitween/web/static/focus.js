// Where the focus goes when what has it is removed or hidden: to what took its place.

const STOPS = "a[href], button:enabled"; // no text fields: on a phone the keyboard would come up

const usable = (node) => node.isConnected && node.checkVisibility();
const stopsIn = (node) => [...node.querySelectorAll(STOPS)].filter(usable);

/**
 * What stands for the same as a button or a link: itself or, where it was drawn again, what is called so in what has
 * the same `data-key`. Names alone do not tell: contacts and shares may have the same one.
 */
export function sameAs(node) {
  if (node.isConnected) return node;
  const key = node.closest("[data-key]")?.dataset.key;
  const calledSo = (other) => callOf(other) === callOf(node);
  const drawn = [...document.querySelectorAll("main [data-key]")].filter(({ dataset }) => dataset.key === key);
  return drawn.flatMap((around) => [...around.querySelectorAll("a, button")]).find(calledSo) ?? null;
}

const callOf = (node) => node.getAttribute("aria-label") ?? node.getAttribute("href") ?? node.textContent;

/** Within these the focus stays, as long as they are shown. */
const isArea = (node) => node.matches("main > *, dialog, header, log-in-view, connection-notice, toast-area");
/** From these it goes back to where it was before, once they or what is in them are gone. */
const isAbove = (node) => node.matches("dialog, toast-area");

/** Keeps the focus in sight from now on. */
export class FocusKeeper {
  #trail = []; // of what had the focus last: each element around it, with its place among the stops in there
  #before = new WeakMap(); // by what lies above the view: the trail of what had the focus before it came there
  #app;

  constructor(app) {
    this.#app = app;
    addEventListener("focusin", ({ target }) => this.#remember(target));
    // Whoever takes the focus away on purpose clicks on something that has none.
    addEventListener("pointerdown", () => { this.#trail = []; }, { capture: true });
    const watch = new MutationObserver(() => this.#look());
    watch.observe(app, { subtree: true, childList: true, attributeFilter: ["hidden", "open"] });
  }

  #remember(target) {
    const before = this.#trail;
    this.#trail = [];
    for (let node = target; node && node !== this.#app; node = node.parentElement) {
      this.#trail.push([node, stopsIn(node).indexOf(target)]);
      if (isArea(node)) break;
    }
    const area = this.#trail.at(-1)?.[0];
    if (area && before.length && isAbove(area) && before.at(-1)[0] !== area) this.#before.set(area, before);
  }

  #look() {
    const { activeElement } = document;
    const lost = activeElement === null || activeElement === document.body || !usable(activeElement);
    if (!lost || !this.#trail.length) return;
    const trail = this.#trail;
    this.#trail = [];
    this.#goOn(trail);
  }

  #goOn(trail) {
    const [area] = trail.at(-1);
    for (const [node, place] of trail.slice(1, -1)) {
      if (!usable(node)) continue;
      const stops = stopsIn(node);
      const next = stops[Math.min(Math.max(place, 0), stops.length - 1)];
      if (next) return void next.focus();
    }
    const before = area.open ? null : this.#before.get(area);
    if (!before) return void this.#begin(area);
    this.#before.delete(area); // so that no two of them lead to each other for ever
    const [[last]] = before;
    if (usable(last)) last.focus();
    else this.#goOn(before);
  }

  /** Without anything in its place: where one begins to read. */
  #begin(area) {
    const headings = [area, this.#app.querySelector("main")].flatMap((place) => [...place.querySelectorAll("h1, h2")]);
    const heading = headings.find(usable);
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus();
  }
}
