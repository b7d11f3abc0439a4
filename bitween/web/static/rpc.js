// Requests to the daemon, with the log-in of this browser.

import { credentials, forget, keep, ready, secret } from "/docs/session.js";
import { Failed, LogInNeeded, Refused, Unreachable } from "/web/errors.js";

const PATIENCE = 60_000; // milliseconds after which nobody answers any more

/**
 * The daemon's answer to a request that shows the log-in.
 * Throws LogInNeeded, or what fetch throws.
 */
export async function ask(path, options = {}) {
  await ready;
  const session = secret();
  const response = await fetch(path, { ...options, headers: { ...credentials(), ...options.headers } });
  if (response.status !== 401) return response;
  forget(session);
  throw new LogInNeeded();
}

async function post(path, document, send = ask) {
  try {
    return await send(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(document),
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    throw error instanceof LogInNeeded ? error : new Unreachable();
  }
}

async function failure(response) {
  const text = await response.text().catch(() => { throw new Unreachable(); });
  return new Failed(response.status, text);
}

export async function call(method, params = {}) {
  const response = await post("/api", { jsonrpc: "2.0", id: 1, method, params });
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

async function logInWith(document) {
  const response = await post("/login", document, fetch);
  if (response.status === 401) return false;
  if (!response.ok) throw await failure(response);
  const { session, remembered } = await response.json();
  keep(session, remembered);
  return true;
}

/** Log in with the token; false if it is none of the daemon's. */
export const logIn = (token, remember) => logInWith({ token, remember });

/** Log in with the code of a link; false if it does not serve any more. */
export const logInByLink = (code) => logInWith({ code });

export async function logOut() {
  try {
    await post("/logout", null);
  } catch (error) {
    if (!(error instanceof LogInNeeded)) throw error; // else it is over already
  }
  forget();
}

/** What the address of a torrent's files needs, for an hour from its last use. */
export async function fileTicket(hash) {
  const response = await post(`/files/${hash}/ticket`, null);
  if (!response.ok) throw await failure(response);
  return (await response.json()).ticket;
}
