// What is pressed is meant as it was when the pointer went down: by the time at which it goes up, the page may have
// put something else there, or given it another meaning.

const CONTROLS = "a[href], button, input, label, select, summary";

const controlAt = (node) => node.closest?.(CONTROLS) ?? null;
const meaningOf = (control) => control?.getAttribute("aria-label") ?? null;

/** Whether a click on one control is what a press on another one leads to. */
const leadsTo = (pressed, clicked) => pressed === clicked || (pressed?.control ?? null) === clicked;

/** From now on, a click for which something else was pressed does nothing. */
export function guardPresses(target) {
  let press = null; // null where no pointer is known to have gone down: keys and other aids click, too
  target.addEventListener("pointerdown", (event) => {
    const control = controlAt(event.target);
    press = { control, meaning: meaningOf(control) };
  }, { capture: true });
  target.addEventListener("pointercancel", () => { press = null; }, { capture: true });
  target.addEventListener("keydown", (event) => {
    press = null;
    // The focus may be on something else by now: a key that is held would press that, too.
    if (event.repeat && event.key === "Enter") event.preventDefault();
  }, { capture: true });
  target.addEventListener("click", (event) => {
    if (press === null || event.detail === 0) return; // by a key
    const { control, meaning } = press;
    setTimeout(() => { press = null; }); // the click on a label becomes one on its box first
    const clicked = controlAt(event.target);
    if (leadsTo(control, clicked) && meaning === meaningOf(control)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });
}
