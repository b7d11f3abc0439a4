// The log-in of this browser: a secret in the storage of this origin. Cookies would go to every port of the machine.

const KEY = "bitween.session";
const PATIENCE = 250; // milliseconds in which another tab answers

const others = new BroadcastChannel(KEY);

/** What the browser keeps; where that is closed to pages, what lasts as long as this one. */
function storage(name) {
  try {
    window[name].getItem(KEY);
    return window[name];
  } catch {
    const kept = new Map();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text), removeItem: (key) => kept.delete(key) };
  }
}

const ofTab = storage("sessionStorage");
const ofBrowser = storage("localStorage");

/** The secret, if there is one. */
export const secret = () => ofBrowser.getItem(KEY) ?? ofTab.getItem(KEY);

/** Keep the secret: until the tab is closed, or for as long as it is good. */
export function keep(session, remember) {
  forget();
  (remember ? ofBrowser : ofTab).setItem(KEY, session);
}

/** Forget the secret, or only if it is still this one. */
export function forget(session = secret()) {
  for (const place of [ofBrowser, ofTab]) {
    if (place.getItem(KEY) === session) place.removeItem(KEY);
  }
}

/** The headers by which the daemon knows this browser. */
export function credentials() {
  const session = secret();
  return session ? { Authorization: `Bearer ${session}` } : {};
}

others.addEventListener("message", ({ data }) => {
  if (data.asks) {
    const session = ofTab.getItem(KEY);
    if (session) others.postMessage({ session });
  } else if (!secret()) {
    ofTab.setItem(KEY, data.session);
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
