// Sizes, rates and times in the reader's form.

import { locale, t } from "/web/strings.js";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
const numbers = new Map(); // Intl's makers, which take long to make

function inUnit(unit, value, digits) {
  const key = `${unit} ${digits}`;
  if (!numbers.has(key)) {
    // In short, English knows no plural of "byte".
    const unitDisplay = unit === "byte" ? "long" : "short";
    const options = { style: "unit", unit, unitDisplay, maximumFractionDigits: digits };
    numbers.set(key, new Intl.NumberFormat(locale, options));
  }
  return numbers.get(key).format(value);
}

const plain = new Intl.NumberFormat(locale);
const percents = new Intl.NumberFormat(locale, { style: "percent" });
const moments = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium" });
const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

export const number = (value) => plain.format(value);
export const time = (seconds) => dates.format(seconds * 1000);
export const moment = (seconds) => moments.format(seconds * 1000);

/** How much is done; all of it only when nothing is left. */
export const percent = (fraction) => percents.format(Math.floor(fraction * 100) / 100);

export function size(bytes) {
  if (bytes === null) return t("unknownSize");
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return inUnit(UNITS[power], value, power && value < 100 ? 1 : 0);
}

export const rate = (bytes) => t("perSecond", { size: size(bytes) });

export function duration(seconds) {
  if (seconds < 60) return inUnit("second", Math.ceil(seconds), 0);
  if (seconds < 3600) return inUnit("minute", Math.round(seconds / 60), 0);
  if (seconds < 86400) return inUnit("hour", seconds / 3600, 1);
  return inUnit("day", seconds / 86400, 1);
}
