// Pictures of contacts, of whom there are none: their initials.

import { make } from "/web/dom.js";

const SHOWN = 3; // of those who have something, how many are pictured

/** The first letters of a name. */
export function initials(name) {
  const words = name.split(/[\s@._-]+/u).filter(Boolean);
  const letters = words.slice(0, name.includes("@") ? 1 : 2).map((word) => [...word][0]);
  return letters.join("").toUpperCase();
}

/** A circle with initials, in a colour that stays the same for a JID. */
export function avatar(jid, name, online) {
  const tint = [...jid].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const circle = make("span", { class: online ? "avatar online" : "avatar", "aria-hidden": "true" }, initials(name));
  circle.style.setProperty("--tint", tint);
  return circle;
}

/** The first of some people, one before the other. */
export const avatars = (people) => people.slice(0, SHOWN).map(({ jid, name, online }) => avatar(jid, name, online));
