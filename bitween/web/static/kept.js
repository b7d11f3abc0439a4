// What the browser keeps for this page; one that keeps nothing, as it was told to, has nothing to say.

/** What is kept by a name, or null. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keep a text, or with null none. */
export function keep(name, text) {
  try {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
  } catch {
    // Then it holds for as long as the page is open.
  }
}
