// How one connects to somebody, in words: all that the daemon may say of it.

import { t } from "/web/strings.js";

const WAYS = {
  direct: "reachDirect", none: "reachNone", lan: "reachLan", ipv6: "reachIpv6", ipv4: "reachIpv4",
  mapped: "reachMapped", punched: "reachPunched", relay: "reachRelay", in_band: "reachInBand",
};

/** What the daemon calls a way, in words; nothing is said before one is known. */
export function reachText(way) {
  if (way === null) return "";
  return way in WAYS ? t(WAYS[way]) : way;
}
