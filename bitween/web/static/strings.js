// Every text of the page. A text with a number in it has a form for each kind of number.

const en = {
  shares: "Shares", torrents: "My torrents", contacts: "Contacts", status: "Status",
  views: "Views", logOut: "Log out",
  unknownSize: "size unknown", perSecond: "{size}/s",

  logInTitle: "Log in", token: "Token", logIn: "Log in", notTheToken: "This is not the token.",
  logInHow: "Run bitween open in a terminal of the daemon's machine: it opens this page, logged in. Or type the token, which is in the file api.json of the daemon's state directory.",

  starting: "Looking for the daemon …",
  insecure: "Open this page by https, or on the daemon's own machine. Elsewhere others could read along, and browsers do not tell the daemon that it is this page that asks.",
  away: "The daemon does not answer.", nextTry: "Next try in {time}.", trying: "Trying now …", tryNow: "Try now",
  xmppConnecting: "Connecting to the XMPP server …",
  xmppWaiting: "No connection to the XMPP server: {why}. The daemon tries again by itself, at least once a minute; until then contacts see nothing new of you, nor you of them.",
  xmppFailed: "The XMPP server does not let the daemon in: {why}. Another try would not help: mend that, then start the daemon anew.",
  noReason: "no reason is known",

  searchShares: "Search what contacts share", from: "From", everybody: "Everybody",
  order: "Order", byMatch: "Best match", byName: "Name", byLargest: "Largest first", bySize: "Smallest first", byOnline: "Who is online first",
  size: "Size", anySize: "Any", sizeUpTo: "Up to {size}", sizeFrom: "At least {size}",
  onlineOnly: "Only who is online",
  shareCount: { one: "{n} share", other: "{n} shares" },
  noShares: "Nothing is shared yet. When a contact of yours runs bitween and shares something, it is here.",
  nothingFound: "Nothing matches. Try fewer words, or everybody.",
  more: { one: "{names} and {n} other", other: "{names} and {n} others" },
  reachDirect: "connects directly", reachNone: "no address to connect to", reachAway: "nobody is online",
  reachLan: "connects directly, in the same network", reachIpv6: "connects directly (IPv6)", reachIpv4: "connects directly (IPv4)",
  reachMapped: "connects directly, through the router", reachPunched: "connects directly, both sides at once",
  reachRelay: "connects by a relay", reachInBand: "connects through the XMPP server",
  get: "Get", getLabel: "Get {name}", have: "Here", willCome: "{name}: it begins as soon as somebody who has it is online.",
  begun: "Downloading {name}.",

  sharePath: "Share a file or folder", pathHint: "Path on the daemon's machine, such as /home/me/Pictures", share: "Share",
  running: "What is being read", hashing: "Reading {path}", cancelLabel: "Do not share {path}",
  shared: "Your contacts can now get {name}.",
  stateMetadata: "waiting for somebody who has it", stateChecking: "checking files", stateQueued: "queued",
  stateDownloading: "downloading", stateFinished: "chosen files are here", stateSeeding: "shared", statePaused: "paused", stateError: "stopped",
  peers: { one: "{n} peer", other: "{n} peers" }, left: "{time} left", ofSize: "{done} of {size}",
  torrentCount: { one: "{n} torrent", other: "{n} torrents" }, unnamed: "(no name yet)",
  noTorrents: "You neither share nor download anything. Share a folder above, or get something from your contacts.",
  pause: "Pause {name}", resume: "Resume {name}", files: "Files of {name}", remove: "Remove {name}",
  removing: "{name} is removed from the list; its files stay.", removingData: "{name} and its files are deleted.", undo: "Undo",
  finished: "{name} is complete.", dismiss: "Dismiss",
  progressOf: "Progress of {name}",
  graph: "Rates in the last {span}", graphNow: "Download {down}, upload {up}. At most {most} in the last {span}.",
  graphMost: "at most {most} in {span}",
  sumSession: "Since the start ↓ {down} ↑ {up}", sumEver: "ever ↓ {down} ↑ {up}",
  peersOf: "Who is connected for {name}", peersTitle: "Who is connected for {name}", peersList: "Connected",
  noPeers: "Nobody is connected at the moment.", someContact: "Somebody", peerHas: "has {part}",
  aFile: "a file", remedyLabel: "{remedy}: {name}", recheck: "Look again", fetchAgain: "Fetch again", shareAgain: "Share as it is", giveUp: "Remove",
  troubleMissing: "{path} is missing.", troubleChanged: "{path} is another than it was.", troubleForbidden: "{path} may not be read or written to.",
  troubleFull: "The disk of {path} has too little room.", troubleBroken: "{path} cannot be read or written.", troubleSenseless: "Its list of files makes no sense.",
  helpMissing: "It goes on when that is back.", helpChanged: "It goes on when that is as it was.", helpForbidden: "Allow it, then look again.",
  helpFull: "Make room or choose fewer files, then look again.", helpBroken: "Check the disk, then look again.", helpSenseless: "Nobody can fetch it.",

  notifications: "Notifications", notifyBegin: "Tell me of finished downloads", notifyStop: "Tell me no more",
  notifyOn: "While this page is in the background, the browser tells you when a download is complete.",
  notifyOff: "While this page is in the background, the browser can tell you when a download is complete.",
  notifyRefused: "The browser does not let this page notify you; that can be changed in its settings for this page.",
  notifyUnable: "This browser does not let pages notify you.",

  filesOf: "Files", chooseFiles: "Choose which files to fetch.", noFiles: "The files are not known until somebody who has them is online.",
  all: "All", none: "None", save: "Save", close: "Close", removeWithFiles: "Delete with its files",
  liesIn: "In {path}", saved: "The choice is kept.",
  chooseLabel: "Choose files of {name}", getThese: "Get these", cancel: "Cancel", inOrder: "In order, to play it meanwhile",
  play: "Play {name}", view: "View {name}", openTab: "Open {name} in a new tab", saveNamed: "Save {name}", saveFile: "Save the file", tryAgain: "Try again",
  waitsForBytes: "Waiting until this part has arrived …", cannotShow: "This browser cannot show the file. Save it, and open it with another program.",
  onlyTheBeginning: "Only the first {size} are shown.",

  requests: "Who asks to see you", accept: "Accept", decline: "Decline", acceptLabel: "Accept {name}", declineLabel: "Decline {name}",
  addContact: "Add a contact", jid: "JID, such as bob@example.net", add: "Add", asked: "{name} has been asked.",
  waitsFor: "has not answered yet", onesided: "cannot see you", online: "online", offline: "away",
  noBitween: "without bitween", seeShares: "See {n}", noContacts: "Nobody yet. Add somebody by their JID; they have to accept.",
  removeContact: "Remove {name}", removingContact: "{name} is removed from your contacts.",

  account: "Account", connection: "Connection", since: "since {time}", runsFor: "The daemon runs for", listens: "Accepts peers at", addresses: "Contacts are told", nothing: "nothing", versions: "Versions",
  stateOnline: "connected", stateConnecting: "connecting", stateWaiting: "waiting for the next try", stateFailed: "failed",
  limits: "Limits", upload: "Upload", download: "Download", limitHint: "in kB/s; empty for none", keepLimits: "Set limits", limitsKept: "The limits hold now.",
  scheduled: "At this time of day the schedule has others hold: {up} up, {down} down.", unlimited: "no limit",
  diagnosis: "What keeps transfers from working", lookAgain: "Look again",
  verdictGood: "good", verdictWarning: "could be better", verdictBad: "bad", verdictUnknown: "not known",
  api: "The API, and what else it can do",
};

const de = {
  shares: "Angebote", torrents: "Meine Torrents", contacts: "Kontakte", status: "Zustand",
  views: "Ansichten", logOut: "Abmelden",
  unknownSize: "Größe unbekannt", perSecond: "{size}/s",

  logInTitle: "Anmelden", token: "Token", logIn: "Anmelden", notTheToken: "Das ist nicht das Token.",
  logInHow: "Auf dem Rechner des Daemons öffnet bitween open in einem Terminal diese Seite angemeldet. Oder das Token eingeben, das in der Datei api.json im Zustandsverzeichnis des Daemons steht.",

  starting: "Der Daemon wird gesucht …",
  insecure: "Diese Seite über https öffnen, oder auf dem Rechner des Daemons. Anderswo könnten andere mitlesen, und Browser sagen dem Daemon nicht, dass es diese Seite ist, die fragt.",
  away: "Der Daemon antwortet nicht.", nextTry: "Nächster Versuch in {time}.", trying: "Neuer Versuch …", tryNow: "Jetzt versuchen",
  xmppConnecting: "Verbindung zum XMPP-Server wird aufgebaut …",
  xmppWaiting: "Keine Verbindung zum XMPP-Server: {why}. Der Daemon versucht es von selbst wieder, mindestens einmal in der Minute; bis dahin sehen Kontakte und Sie nichts Neues voneinander.",
  xmppFailed: "Der XMPP-Server lässt den Daemon nicht hinein: {why}. Ein weiterer Versuch hilft nicht: das beheben und den Daemon neu starten.",
  noReason: "kein Grund bekannt",

  searchShares: "Suchen, was Kontakte anbieten", from: "Von", everybody: "Allen",
  order: "Reihenfolge", byMatch: "Beste Treffer", byName: "Name", byLargest: "Größte zuerst", bySize: "Kleinste zuerst", byOnline: "Wer da ist zuerst",
  size: "Größe", anySize: "Jede", sizeUpTo: "Bis {size}", sizeFrom: "Ab {size}",
  onlineOnly: "Nur wer da ist",
  shareCount: { one: "{n} Angebot", other: "{n} Angebote" },
  noShares: "Noch bietet niemand etwas an. Sobald ein Kontakt mit bitween etwas anbietet, steht es hier.",
  nothingFound: "Nichts passt. Weniger Wörter versuchen, oder alle Kontakte.",
  more: { one: "{names} und {n} weiterer Kontakt", other: "{names} und {n} weitere" },
  reachDirect: "direkt erreichbar", reachNone: "keine Adresse bekannt", reachAway: "niemand ist da",
  reachLan: "direkt erreichbar, im selben Netz", reachIpv6: "direkt erreichbar (IPv6)", reachIpv4: "direkt erreichbar (IPv4)",
  reachMapped: "direkt erreichbar, durch den Router", reachPunched: "direkt erreichbar, beide zugleich",
  reachRelay: "erreichbar über einen Vermittler", reachInBand: "erreichbar über den XMPP-Server",
  get: "Holen", getLabel: "{name} holen", have: "Vorhanden", willCome: "{name}: beginnt, sobald jemand da ist, der es hat.",
  begun: "{name} wird geladen.",

  sharePath: "Datei oder Ordner anbieten", pathHint: "Pfad auf dem Rechner des Daemons, etwa /home/ich/Bilder", share: "Anbieten",
  running: "Was gerade gelesen wird", hashing: "{path} wird gelesen", cancelLabel: "{path} nicht anbieten",
  shared: "Ihre Kontakte können {name} jetzt holen.",
  stateMetadata: "wartet auf jemanden, der es hat", stateChecking: "Dateien werden geprüft", stateQueued: "in der Warteschlange",
  stateDownloading: "wird geladen", stateFinished: "gewählte Dateien sind da", stateSeeding: "angeboten", statePaused: "angehalten", stateError: "steht still",
  peers: { one: "{n} Gegenstelle", other: "{n} Gegenstellen" }, left: "noch {time}", ofSize: "{done} von {size}",
  torrentCount: { one: "{n} Torrent", other: "{n} Torrents" }, unnamed: "(noch ohne Namen)",
  noTorrents: "Sie bieten nichts an und laden nichts. Oben einen Ordner anbieten oder etwas von Kontakten holen.",
  pause: "{name} anhalten", resume: "{name} fortsetzen", files: "Dateien von {name}", remove: "{name} entfernen",
  removing: "{name} wird aus der Liste entfernt; die Dateien bleiben.", removingData: "{name} wird mit den Dateien gelöscht.", undo: "Rückgängig",
  finished: "{name} ist vollständig.", dismiss: "Schließen",
  progressOf: "Fortschritt von {name}",
  graph: "Geschwindigkeit in den letzten {span}", graphNow: "Herunter {down}, hoch {up}. Höchstens {most} in den letzten {span}.",
  graphMost: "höchstens {most} in {span}",
  sumSession: "Seit dem Start ↓ {down} ↑ {up}", sumEver: "insgesamt ↓ {down} ↑ {up}",
  peersOf: "Wer für {name} verbunden ist", peersTitle: "Wer für {name} verbunden ist", peersList: "Verbunden",
  noPeers: "Im Moment ist niemand verbunden.", someContact: "Jemand", peerHas: "hat {part}",
  aFile: "eine Datei", remedyLabel: "{remedy}: {name}", recheck: "Erneut prüfen", fetchAgain: "Erneut holen", shareAgain: "Neu anbieten", giveUp: "Entfernen",
  troubleMissing: "{path} fehlt.", troubleChanged: "{path} ist nicht mehr, wie es war.", troubleForbidden: "{path} darf nicht gelesen oder beschrieben werden.",
  troubleFull: "Auf dem Datenträger von {path} ist zu wenig Platz.", troubleBroken: "{path} lässt sich nicht lesen oder schreiben.", troubleSenseless: "Die Liste der Dateien ergibt keinen Sinn.",
  helpMissing: "Es geht weiter, wenn das wieder da ist.", helpChanged: "Es geht weiter, wenn das wieder so ist.", helpForbidden: "Erlauben, dann erneut prüfen.",
  helpFull: "Platz schaffen oder weniger Dateien wählen, dann erneut prüfen.", helpBroken: "Den Datenträger nachsehen, dann erneut prüfen.", helpSenseless: "Niemand kann es holen.",

  notifications: "Benachrichtigungen", notifyBegin: "Fertige Downloads melden", notifyStop: "Nichts mehr melden",
  notifyOn: "Während diese Seite im Hintergrund ist, meldet der Browser, wenn ein Download vollständig ist.",
  notifyOff: "Während diese Seite im Hintergrund ist, kann der Browser melden, wenn ein Download vollständig ist.",
  notifyRefused: "Der Browser lässt diese Seite nichts melden; das lässt sich in seinen Einstellungen für diese Seite ändern.",
  notifyUnable: "Dieser Browser lässt Seiten nichts melden.",

  filesOf: "Dateien", chooseFiles: "Wählen, welche Dateien geholt werden.", noFiles: "Die Dateien sind erst bekannt, wenn jemand da ist, der sie hat.",
  all: "Alle", none: "Keine", save: "Übernehmen", close: "Schließen", removeWithFiles: "Mit Dateien löschen",
  liesIn: "In {path}", saved: "Die Auswahl gilt.",
  chooseLabel: "Dateien von {name} wählen", getThese: "Diese holen", cancel: "Abbrechen", inOrder: "Der Reihe nach, um schon abzuspielen",
  play: "{name} abspielen", view: "{name} ansehen", openTab: "{name} in neuem Tab öffnen", saveNamed: "{name} sichern", saveFile: "Datei sichern", tryAgain: "Noch einmal versuchen",
  waitsForBytes: "Warten, bis dieser Teil da ist …", cannotShow: "Dieser Browser kann die Datei nicht zeigen. Sie lässt sich sichern und mit einem anderen Programm öffnen.",
  onlyTheBeginning: "Nur die ersten {size} werden gezeigt.",

  requests: "Anfragen", accept: "Annehmen", decline: "Ablehnen", acceptLabel: "{name} annehmen", declineLabel: "{name} ablehnen",
  addContact: "Kontakt hinzufügen", jid: "JID, etwa bob@example.net", add: "Hinzufügen", asked: "{name} wurde gefragt.",
  waitsFor: "hat noch nicht geantwortet", onesided: "kann Sie nicht sehen", online: "da", offline: "nicht da",
  noBitween: "ohne bitween", seeShares: "{n} ansehen", noContacts: "Noch niemand. Jemanden mit der JID hinzufügen; er oder sie muss annehmen.",
  removeContact: "{name} entfernen", removingContact: "{name} wird aus den Kontakten entfernt.",

  account: "Konto", connection: "Verbindung", since: "seit {time}", runsFor: "Der Daemon läuft seit", listens: "Nimmt Gegenstellen an bei", addresses: "Kontakten wird genannt", nothing: "nichts", versions: "Versionen",
  stateOnline: "verbunden", stateConnecting: "wird verbunden", stateWaiting: "wartet auf den nächsten Versuch", stateFailed: "gescheitert",
  limits: "Grenzen", upload: "Hochladen", download: "Herunterladen", limitHint: "in kB/s; leer für keine", keepLimits: "Grenzen setzen", limitsKept: "Die Grenzen gelten jetzt.",
  scheduled: "Zu dieser Tageszeit gelten nach dem Zeitplan andere: {up} hoch, {down} herunter.", unlimited: "ohne Grenze",
  diagnosis: "Was Übertragungen behindert", lookAgain: "Noch einmal nachsehen",
  verdictGood: "gut", verdictWarning: "verbesserbar", verdictBad: "schlecht", verdictUnknown: "unbekannt",
  api: "Die API, und was sie noch kann",
};

export const language = navigator.language.split("-")[0] === "de" ? "de" : "en";
const texts = { en, de }[language];
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat();

/** A text, with values put in for its {names}; `n` is a number and chooses the form. */
export function t(key, values = {}) {
  const text = texts[key];
  const form = typeof text === "string" ? text : text[plurals.select(values.n)];
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : value;
  });
}
