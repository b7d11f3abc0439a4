// What can go wrong with a call, in sentences for a person.

import { heardError, t } from "/web/strings.js";

/** The daemon does not know this browser, or no longer. */
export class LogInNeeded extends Error {}

/** Nobody answers. */
export class Unreachable extends Error {}

// What JSON-RPC itself defines (JSON-RPC 2.0 §5.1) comes of a page and a daemon that do not fit, or of a fault.
const PROTOCOL = { "-32700": "pageOutdated", "-32600": "pageOutdated", "-32601": "pageOutdated", "-32602": "pageOutdated", "-32603": "daemonFault" };
const STATUSES = { 403: "notAllowed", 413: "tooLong", 421: "notAllowed", 429: "tooMany", 503: "busy" };
// The words of the protocol, and the name of a parameter, which nobody typed.
const SPOKEN_BY_PROGRAMS = /^(Invalid params: )?(parameter '\w+': )?/;

/** Words that begin small and end without a stop, as a sentence; a name that stands first stays as it is. */
function sentence(text) {
  const whole = text.trim().replace(/^\p{Ll}(?=\p{L}*[ ,])/u, (first) => first.toUpperCase());
  return whole && !/[.!?…]\)?$/.test(whole) ? `${whole}.` : whole;
}

/** The daemon says no: what it said is the error object of an answer. */
export class Refused extends Error {
  constructor({ code, message, data }) {
    const english = [message.replace(SPOKEN_BY_PROGRAMS, ""), data?.hint ?? ""].map(sentence).filter(Boolean).join(" ");
    super(!data && code in PROTOCOL ? t(PROTOCOL[code]) : sentence(heardError(data ?? {}, english)));
    this.english = english; // which the message may hold
    this.data = data ?? {}; // what programs can go by
  }
}

/** The daemon answers with another status than that of an answer. */
export class Failed extends Refused {
  constructor(status, text) {
    const english = text.trim();
    super({ message: english });
    this.english = english;
    this.message = status in STATUSES ? t(STATUSES[status]) : t("noAnswer", { why: `${status} ${english}` });
  }
}

/** The page itself cannot go on, and says why. */
export class Hindered extends Refused {
  constructor(text) {
    super({ message: text });
    this.english = "";
  }
}
