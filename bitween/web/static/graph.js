// How fast everything was in the last minutes, and how much it was in all.

import { draw, make, say } from "/web/dom.js";
import { duration, rate, size } from "/web/format.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

const PERIOD = 2000; // milliseconds between two looks
const SAMPLES = 300; // as many as the daemon keeps
const SECONDS = 1; // from one to the next, until the daemon says how many they are
const HEIGHT = 100; // of the drawing, in its own units

/** Rates as a line, the last one at the right. */
function line(rates, most) {
  const first = SAMPLES - rates.length;
  const points = rates.map((value, index) => `${first + index} ${(HEIGHT * (1 - value / most)).toFixed(1)}`);
  return points.length ? `M${points.join("L")}` : "";
}

export class RateGraph extends HTMLElement {
  #daemon = null;
  #toasts = null;
  #title = draw("title", { id: "graph-title" });
  #desc = draw("desc", { id: "graph-desc" });
  #area = draw("path", { class: "area" });
  #down = draw("path", { class: "down" });
  #up = draw("path", { class: "up" });
  #scale = make("span");
  #sums = make("p", { class: "facts" });

  begin(daemon, toasts) {
    this.#daemon = daemon;
    this.#toasts = toasts;
    say(this.#title, t("graph", { span: duration(SAMPLES * SECONDS) })); // a picture needs a name before it shows anything
    const picture = draw("svg", {
      viewBox: `0 -4 ${SAMPLES - 1} ${HEIGHT + 8}`, preserveAspectRatio: "none",
      role: "img", "aria-labelledby": "graph-title graph-desc",
    }, this.#title, this.#desc, this.#area, this.#down, this.#up);
    this.append(
      picture,
      make("p", { class: "legend", "aria-hidden": "true" },
        make("span", { class: "down" }, `↓ ${t("download")}`), make("span", {}, `↑ ${t("upload")}`), this.#scale),
      this.#sums);
    setInterval(() => this.look(), PERIOD);
  }

  /** Look at the daemon's figures, if somebody looks at this. */
  async look() {
    if (!this.offsetParent || document.hidden || this.#daemon.live.state !== "live") return;
    await this.#toasts.read(async () => this.#show(await call("Api.traffic")));
  }

  #show({ interval, download_rates: down, upload_rates: up, session, ever }) {
    const most = Math.max(1, ...down, ...up);
    const span = duration(SAMPLES * interval);
    const now = { down: rate(down.at(-1) ?? 0), up: rate(up.at(-1) ?? 0) };
    this.classList.toggle("still", most === 1); // a flat line would tell nothing
    this.#down.setAttribute("d", line(down, most));
    this.#up.setAttribute("d", line(up, most));
    this.#area.setAttribute("d", down.length ? `${line(down, most)}V${HEIGHT}H${SAMPLES - down.length}Z` : "");
    say(this.#title, t("graph", { span }));
    say(this.#desc, t("graphNow", { ...now, most: rate(most > 1 ? most : 0), span }));
    say(this.#scale, t("graphMost", { most: rate(most > 1 ? most : 0), span }));
    say(this.#sums, [t("sumSession", sums(session)), t("sumEver", sums(ever))].join(" · "));
  }
}

const sums = ({ downloaded, uploaded }) => ({ down: size(downloaded), up: size(uploaded) });

customElements.define("rate-graph", RateGraph);
