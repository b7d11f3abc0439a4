// How far a torrent is, in words.

import { isolated } from "/web/direction.js";
import { duration, percent, rate, size } from "/web/format.js";
import { aboutText } from "/web/note_form.js";
import { t } from "/web/strings.js";

const STATES = {
  metadata: "stateMetadata", checking: "stateChecking", queued: "stateQueued", downloading: "stateDownloading",
  finished: "stateFinished", seeding: "stateSeeding", paused: "statePaused", error: "stateError",
};
const WAITING = new Set(["metadata", "downloading"]);

/** Whether it cannot go on, because nobody who has it is connected. */
const waits = ({ state, peers, error }) => !error && WAITING.has(state) && !peers;

function stateText(torrent, nameOf) {
  if (torrent.error) return t("stateError");
  if (!waits(torrent)) return t(STATES[torrent.state]);
  const names = (torrent.waiting_for ?? []).map((jid) => isolated(nameOf(jid)));
  return names.length ? t("waitingFor", { names: names.join(", ") }) : t("waitingForAny");
}

function amount({ complete, done, error, total_size: total }) {
  // Of what stands still nobody knows how much is still there.
  return complete || error || total === null ? size(total) : t("ofSize", { done: size(done), size: size(total) });
}

/** Everything that is worth saying of a torrent in one line; `nameOf` names a contact by their JID. */
export function facts(torrent, nameOf) {
  const said = [stateText(torrent, nameOf), amount(torrent)];
  // A rate is a mean of the last seconds: it is still there when nobody sends any more.
  if (torrent.download_rate && !waits(torrent)) said.push(`↓ ${rate(torrent.download_rate)}`);
  if (torrent.upload_rate) said.push(`↑ ${rate(torrent.upload_rate)}`);
  if (torrent.peers) said.push(t("peers", { n: torrent.peers }));
  if (torrent.eta !== null && !torrent.complete && !waits(torrent)) said.push(t("left", { time: duration(torrent.eta) }));
  return [...said, aboutText(torrent)].filter(Boolean).join(" · ");
}

/** In two words: beside what contacts share. */
export function shortly(torrent) {
  if (torrent.error) return t("hereStopped");
  if (torrent.complete) return t("have");
  return torrent.state === "finished" ? t("havePart") : percent(torrent.progress);
}

/** Whether there is nothing left to come, so that a bar would tell nothing. */
export const isSettled = ({ complete, state }) => complete || state === "finished";
