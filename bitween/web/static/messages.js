// What the daemon says, in the reader's language: errors, findings and obstacles, by their ids.

import { duration, size } from "/web/format.js";
import english from "/web/messages_en.js";
import german from "/web/messages_de.js";
import { filled, language } from "/web/strings.js";

const messages = { en: english, de: german }[language];
const FORMATS = { size, duration };
const between = language === "en" ? "; " : ". ";

/** A text that begins small, as one that begins a sentence; a name that stands first stays as it is. */
export const capitalized = (text) => text.replace(/^\p{Ll}(?=\p{L}*[ ,])/u, (first) => first.toUpperCase());

/** A text and what helps, which may be empty; null where the message is not known, or a value of it. */
function message(id, values) {
  const { text, fix = "" } = messages[id] ?? {};
  const places = [...JSON.stringify([text, fix]).matchAll(/\{(\w+)(?::\w+)?\}/g)];
  if (!text || !places.every(([, name]) => name in values)) return null;
  return { text: filled(text, values, FORMATS), fix: filled(fix, values, FORMATS) };
}

/** What happened in an error, and what helps; where only English words say it, its kind introduces them. */
export function errorMessage({ id, reason, values }, words) {
  return message(id, values) ?? message(reason, { english: words }) ?? { text: words, fix: "" };
}

/** The same as one text. */
export function errorText(error, words) {
  const { text, fix } = errorMessage(error, words);
  return fix ? `${text} (${fix})` : text;
}

/** What the daemon found, and what helps. */
export function findingMessage({ id, values, text, fix, because }) {
  const { why, help } = obstaclesText(because);
  const known = because.length ? { ...values, reason: why, fix: help } : values;
  return message(id, known) ?? { text, fix };
}

/** Why there is no better route to a device, and what would help. */
export function obstaclesText(because) {
  const known = because.map(obstacleMessage);
  const why = known.map(({ text }) => text).join(between);
  const help = known.findLast(({ fix }) => fix)?.fix ?? "";
  return { why, help, all: [why, help].filter(Boolean).join(between) };
}

// The daemon leaves out a fix that would not help here.
function obstacleMessage({ id, kind, values, text, fix }) {
  const known = errorMessage({ id, reason: kind, values }, text);
  const told = { text: known.text, fix: fix && (known.fix || fix) };
  return language === "en" ? told : { text: capitalized(told.text), fix: fix && capitalized(told.fix) };
}
