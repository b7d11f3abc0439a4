// Who is there: contacts whose bitween runs now, and not only a chat program of theirs.

const runs = ({ bitween, online }) => bitween && online;
const answers = (resource) => runs(resource) && resource.answering !== false;

/** Whether something can be downloaded from a contact now. */
export const isThere = ({ resources }) => resources.some(answers);

/** Which text says how a contact is there. */
export function presenceKey(contact) {
  if (contact.blocked) return "blocked";
  if (contact.service) return "service";
  if (isThere(contact)) return "online";
  if (contact.resources.some(runs)) return "notAnswering";
  if (!contact.online) return "offline";
  return contact.resources.some(({ bitween }) => bitween) ? "bitweenOffline" : "noBitween";
}
