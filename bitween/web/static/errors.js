// What can go wrong with a call, in sentences for a person.

import { capitalized, errorMessage } from "/web/messages.js";
import { t } from "/web/strings.js";

/** The daemon does not know this browser, or no longer. */
export class LogInNeeded extends Error {}

/** Nobody answers. */
export class Unreachable extends Error {}

// What JSON-RPC itself defines (JSON-RPC 2.0 §5.1) comes of a page and a daemon that do not fit, or of a fault.
const PROTOCOL = { "-32700": "pageOutdated", "-32600": "pageOutdated", "-32601": "pageOutdated", "-32602": "pageOutdated", "-32603": "daemonFault" };
const STATUSES = { 403: "notAllowed", 413: "tooLong", 421: "notAllowed", 429: "tooMany", 503: "busy" };
// The words of the protocol, and the name of a parameter, which nobody typed.
const SPOKEN_BY_PROGRAMS = /^(Invalid params: )?(parameter '\w+': )?/;

/** Words that begin small and end without a stop, as a sentence. */
function sentence(text) {
  const whole = capitalized(text.trim());
  return whole && !/[.!?…]\)?$/.test(whole) ? `${whole}.` : whole;
}

/** What happened and what helps, as sentences. */
const sentences = (text, fix) => [text, fix].map(sentence).filter(Boolean).join(" ");

/** The daemon says no: what it said is the error object of an answer. */
export class Refused extends Error {
  constructor({ code, message, data }) {
    const english = sentences(message.replace(SPOKEN_BY_PROGRAMS, ""), data?.hint ?? "");
    const { text, fix } = errorMessage(data ?? {}, english);
    super(!data && code in PROTOCOL ? t(PROTOCOL[code]) : sentences(text, fix));
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
