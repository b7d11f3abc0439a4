// Draws QR codes, which the daemon makes.

import { draw } from "/web/dom.js";

const MARGIN = 4; // light modules around the code, without which it cannot be read (ISO/IEC 18004 §9.1)

/** A picture of rows of "1", which is dark, and "0". */
export function qrCode(rows, label) {
  const size = rows.length + 2 * MARGIN;
  const runs = rows.flatMap((row, y) =>
    [...row.matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`));
  const viewBox = `${-MARGIN} ${-MARGIN} ${size} ${size}`;
  return draw("svg", { viewBox, class: "code", role: "img", "aria-label": label }, draw("path", { d: runs.join("") }));
}
