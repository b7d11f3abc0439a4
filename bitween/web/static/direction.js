// Names that are written from right to left, in texts that are not.

// FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE (Unicode UAX #9, 2.5).
const [ISOLATE, POP] = ["\u2068", "\u2069"];
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

function isBalanced(text) {
  let depth = 0;
  for (const letter of text) {
    depth += letter === ISOLATE ? 1 : letter === POP ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** A text that others chose, to be put into another one: it neither turns that one's direction nor takes part in it. */
export function isolated(text) {
  const safe = isBalanced(text) ? text : text.replace(/[\u2068\u2069]/g, "\ufffd");
  return RIGHT_TO_LEFT.test(safe) ? `${ISOLATE}${safe}${POP}` : safe;
}
