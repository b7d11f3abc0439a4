// From what somebody names to a download of it, or a share.

import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

/** Whether a text is a link to a torrent, rather than a path or words to search for. */
export const isMagnet = (text) => /^magnet:\?/i.test(text.trim());

function nameInMagnet(link) {
  const asked = new URLSearchParams(link.slice(link.indexOf("?") + 1));
  return asked.get("dn") || asked.get("xt")?.split(":").at(-1).slice(0, 12) || t("unnamed");
}

/** Have something downloaded, and say when it begins; fails as the call does. */
export async function get({ hash, name }, toasts) {
  const { sources } = await call("bt.add_torrent_by_hash", { hash });
  if (sources) toasts.tell(t("begun", { name }), { group: "begun", many: (n) => t("begunMany", { n }) });
  else toasts.tell(t("willCome", { name }), { group: "willCome", many: (n) => t("willComeMany", { n }) });
}

/** The same for a link; peers are contacts, whatever trackers it names. */
export const getMagnet = (link, toasts) => get({ hash: link.trim(), name: nameInMagnet(link.trim()) }, toasts);

/** What to do with a file that only describes a torrent: "get" what it describes, "share" it as it is, or nothing. */
export function askAboutTorrentFile(question, { name }) {
  return question.ask(
    { title: t("torrentFile", { name }), text: t("torrentFileHow") },
    { get: [t("getDescribed"), "main"], share: [t("shareTheFile")] });
}
