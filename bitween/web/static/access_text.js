// Who may have a share, in words.

import { isolated } from "/web/direction.js";
import { time } from "/web/format.js";
import { t } from "/web/strings.js";

const GROUP = "group:";
const NAMED = 3; // of groups and contacts, how many are named in a row
const WHY = {
  everybody: "whyEverybody", group: "whyGroup", named: "whyNamed", own_device: "whyOwnDevice", listed: "whyListed",
};

/** What everybody in the roster may have, and what only the devices of the account. */
export const EVERYBODY = ["contacts"];
export const DEVICES = ["devices"];

export const isForEverybody = (access) => access.includes("contacts");
export const isForDevices = (access) => access.every((who) => who === "devices");

/** The audience that is a roster group, and the group of an audience; null where it is none. */
export const groupAudience = (name) => `${GROUP}${name}`;
export const groupOf = (who) => (who.startsWith(GROUP) ? who.slice(GROUP.length) : null);

const upper = (text) => text.slice(0, 1).toLocaleUpperCase() + text.slice(1);

/** The name of an audience within a sentence; `nameOf` names a contact by their JID. */
function named(who, nameOf) {
  const group = groupOf(who);
  return isolated(group === null ? nameOf(who) : t("forGroup", { name: group }));
}

/** Whom audiences name, within a sentence. */
export function whoText(access, nameOf) {
  if (isForEverybody(access)) return t("forEverybody");
  if (isForDevices(access)) return t("forDevices");
  const names = access.filter((who) => who !== "devices").map((who) => named(who, nameOf));
  const shown = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? t("more", { names: shown, n: names.length - NAMED }) : shown;
}

/** The same where it stands alone; a name stays as it is. */
export function whoLabel(access, nameOf) {
  const isWord = isForEverybody(access) || isForDevices(access) || groupOf(access[0]) !== null;
  return isWord ? upper(whoText(access, nameOf)) : whoText(access, nameOf);
}

/** The name of one audience where it stands alone. */
export const audienceLabel = (who, nameOf) => (groupOf(who) === null ? nameOf(who) : upper(t("forGroup", { name: groupOf(who) })));

/** When access ends; empty where it does not. */
export const endText = (expires) => (expires === null ? "" : t("until", { time: time(expires) }));

/** Why a contact sees a share, as `access.of` says it. */
export function whyText({ why, who }) {
  if (!(why in WHY)) return why;
  return t(WHY[why], { group: who === null ? "" : groupOf(who) ?? "" });
}
