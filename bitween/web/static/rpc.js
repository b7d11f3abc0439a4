// Calls of the API, with the cookie of the log-in.

import { Failed, LogInNeeded, Refused, Unreachable } from "/web/errors.js";

const PATIENCE = 60_000; // milliseconds after which nobody answers any more

async function post(path, document) {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(document),
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Unreachable();
  }
}

async function failure(response) {
  const text = await response.text().catch(() => { throw new Unreachable(); });
  return new Failed(response.status, text);
}

export async function call(method, params = {}) {
  const response = await post("/api", { jsonrpc: "2.0", id: 1, method, params });
  if (response.status === 401) throw new LogInNeeded();
  if (!response.ok) throw await failure(response);
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
  throw await failure(response);
}

export const logOut = () => post("/logout", null);
