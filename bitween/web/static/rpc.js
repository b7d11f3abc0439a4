// Calls of the API, with the cookie of the log-in.

import { heardError } from "/web/strings.js";

/** The daemon does not know this browser, or no longer. */
export class LogInNeeded extends Error {}

/** Nobody answers. */
export class Unreachable extends Error {}

/** The daemon says no, in words. */
export class Refused extends Error {
  constructor({ message, data }) {
    const english = data?.hint ? `${message}: ${data.hint}` : message;
    super(heardError(data ?? {}, english));
    this.english = english; // which the message may hold
  }
}

/** The page itself cannot go on, and says why. */
export class Hindered extends Refused {
  constructor(text) {
    super({ message: text });
    this.english = "";
  }
}

async function post(path, document) {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(document),
    });
  } catch {
    throw new Unreachable();
  }
}

export async function call(method, params = {}) {
  const response = await post("/api", { jsonrpc: "2.0", id: 1, method, params });
  if (response.status === 401) throw new LogInNeeded();
  if (!response.ok) throw new Refused({ message: `${response.status} ${await response.text()}` });
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Unreachable(); // it went away while it answered
  }
  if (answer.error) throw new Refused(answer.error);
  return answer.result;
}

/** Whether the token is one of the daemon's. */
export async function logIn(token) {
  const response = await post("/login", { token });
  if (response.ok) return true;
  if (response.status === 401) return false;
  throw new Refused({ message: (await response.text()).trim() });
}

export const logOut = () => post("/logout", null);
