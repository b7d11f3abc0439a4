// The log-in of this browser: a secret in the storage of this origin. Cookies would go to every port of the machine.

const KEY = "bitween.session";
const PATIENCE = 250; // milliseconds in which another tab answers

const others = new BroadcastChannel(KEY);

/** The secret, if there is one. */
export const secret = () => localStorage.getItem(KEY) ?? sessionStorage.getItem(KEY);

/** Keep the secret: until the tab is closed, or for as long as it is good. */
export function keep(session, remember) {
  forget();
  (remember ? localStorage : sessionStorage).setItem(KEY, session);
}

/** Forget the secret, or only if it is still this one. */
export function forget(session = secret()) {
  for (const storage of [localStorage, sessionStorage]) {
    if (storage.getItem(KEY) === session) storage.removeItem(KEY);
  }
}

/** The headers by which the daemon knows this browser. */
export function credentials() {
  const session = secret();
  return session ? { Authorization: `Bearer ${session}` } : {};
}

others.addEventListener("message", ({ data }) => {
  if (data.asks) {
    const session = sessionStorage.getItem(KEY);
    if (session) others.postMessage({ session });
  } else if (!secret()) {
    sessionStorage.setItem(KEY, data.session);
  }
});

// What lies in the storage of a tab is not there in the next one: another tab is asked for it.
function ask() {
  return new Promise((done) => {
    if (secret()) {
      done();
      return;
    }
    others.addEventListener("message", done, { once: true });
    setTimeout(done, PATIENCE);
    others.postMessage({ asks: true });
  });
}

/** Kept once it is known whether this browser is logged in. */
export const ready = ask();
