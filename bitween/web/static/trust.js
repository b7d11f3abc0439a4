// How far a device is trusted, in words, and its fingerprint as people compare it.

import { make } from "/web/dom.js";
import { t } from "/web/strings.js";

const SHOWN_DIGITS = 32; // hexadecimal digits that people compare
const TRUST = {
  blind: ["trustBlind", "trustBlindHow"], verified: ["trustVerified", "trustVerifiedHow"],
  signed: ["trustSigned", "trustSignedHow"], changed: ["trustChanged", "trustChangedHow"],
  none: ["trustNone", "trustNoneHow"],
};

const keyOf = ({ trust, fingerprint }, detail) => (fingerprint || trust === "changed" ? TRUST[trust][detail] : ["noKey", "noKeyHow"][detail]);

/** In two or three words. */
export const trustText = (device) => t(keyOf(device, 0));

/** What that means, in a sentence or two. */
export const trustMeaning = (device) => t(keyOf(device, 1));

/** Whether a device gets what is not for everybody. */
export const isTrusted = ({ trust }) => ["blind", "verified", "signed"].includes(trust);

/** The digits that people compare, in groups of four. */
export function fingerprintText(fingerprint) {
  const groups = fingerprint.slice(0, SHOWN_DIGITS).match(/.{1,4}/g) ?? [];
  return make("code", { class: "fingerprint" }, groups.join(" "));
}
