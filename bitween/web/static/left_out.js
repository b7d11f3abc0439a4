// What of a folder is not shared, and why; it stays until somebody has read it.

import { iconButton, make, named } from "/web/dom.js";
import { t } from "/web/strings.js";

export class LeftOutNote extends HTMLElement {
  begin({ name, left_out: entries, left_out_total: total }) {
    this.setAttribute("role", "listitem");
    const list = make("ul", {}, ...entries.map(({ path, why }) =>
      make("li", {}, named(path), `: ${t(`leftOut.${why}`)}`)));
    if (total > entries.length) list.append(make("li", {}, t("leftOutMore", { n: total - entries.length })));
    this.append(
      make("details", {}, make("summary", {}, t("sharedWithout", { name, n: total })), list),
      iconButton("close", t("dismiss"), () => this.remove()));
  }
}

customElements.define("left-out-note", LeftOutNote);
