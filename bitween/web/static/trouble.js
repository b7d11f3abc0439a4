// Why a torrent stands still, and what a person can do about it.

import { language, t } from "/web/strings.js";

const REASONS = {
  missing: "troubleMissing", changed: "troubleChanged", forbidden: "troubleForbidden", full: "troubleFull",
  broken: "troubleBroken", senseless: "troubleSenseless",
};
const HELP = {
  missing: "helpMissing", changed: "helpChanged", forbidden: "helpForbidden", full: "helpFull", broken: "helpBroken",
  senseless: "helpSenseless",
};
const REMEDIES = { recheck: "recheck", fetch_again: "fetchAgain", share_again: "shareAgain" };

/** What is wrong, and what helps. */
export function troubleText({ error, trouble }) {
  if (!error) return "";
  const reason = trouble?.reason;
  // The daemon speaks English, and says more than its reason does.
  const what = language === "en" || !(reason in REASONS) ? `${error}.` : t(REASONS[reason], { path: trouble.path ?? t("aFile") });
  return reason in HELP ? `${what} ${t(HELP[reason])}` : what;
}

/** What helps, in two words; without a remedy there is nothing but to remove it. */
export function remedyText({ trouble }) {
  if (!trouble) return t("recheck");
  return t(trouble.remedy in REMEDIES ? REMEDIES[trouble.remedy] : "giveUp");
}

export const isHopeless = ({ trouble }) => Boolean(trouble) && trouble.remedy === null;
