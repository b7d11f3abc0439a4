// Who is there: contacts whose bitween runs now, and not only a chat program of theirs.

const runs = ({ bitween, online }) => bitween && online;

/** Whether something can be downloaded from a contact now. */
export const isThere = ({ resources }) => resources.some(runs);

/** Which text says how a contact is there. */
export function presenceKey(contact) {
  if (isThere(contact)) return "online";
  if (!contact.online) return "offline";
  return contact.resources.some(({ bitween }) => bitween) ? "bitweenOffline" : "noBitween";
}
