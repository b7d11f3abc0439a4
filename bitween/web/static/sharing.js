// Shares a path of the daemon's machine, as somebody typed or chose it.

import { askAboutTorrentFile, get, getMagnet, isMagnet } from "/web/getting.js";
import { call } from "/web/rpc.js";
import { t } from "/web/strings.js";

/** The path in a file: link, as which file managers copy it; any other text as it is. */
function typedPath(text) {
  const path = /^file:\/\/(?:localhost)?(\/.*)$/i.exec(text.trim())?.[1];
  try {
    return path === undefined ? text : decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Share it, or download what a link names; what is hardly ever meant is asked about first. Fails as the calls do.
 *
 * @param next who may have it, a NextAccess
 */
export async function share(text, toasts, question, next) {
  if (isMagnet(text)) return getMagnet(text, toasts);
  const path = typedPath(text);
  try {
    return await call("bt.add_path", { path, ...next.parameters });
  } catch (error) {
    if (error.data?.reason !== "confirmation_needed") throw error;
    return confirmed(error, path, toasts, question, next);
  }
}

async function confirmed(error, path, toasts, question, next) {
  const { detail, values } = error.data;
  const answer = detail === "torrent_file"
    ? await askAboutTorrentFile(question, { name: values.path })
    : await question.ask({ title: t("shareThis", { who: next.who }), text: error.message, english: error.english }, { share: [t("shareAnyway"), "danger"] });
  if (answer === "get") await get({ hash: values.hash, name: values.path.split("/").at(-1) }, toasts);
  else if (answer === "share") await call("bt.add_path", { path, confirm: true, ...next.parameters });
  return answer;
}
