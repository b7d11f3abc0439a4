// Every text of the page. A text with a number in it has a form for each kind of number.

import { isolated } from "/web/direction.js";
import { keep, kept } from "/web/kept.js";

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
  xmppRefused: "The XMPP server does not let the daemon in any more: {why}. Mend that; the daemon tries again about once a minute.",
  noReason: "no reason is known",
  pageOutdated: "This page and the daemon are of different versions. Reload the page.",
  daemonFault: "Something went wrong inside the daemon. Its log says what; please report it.",
  notAllowed: "The daemon does not let this page do that. Log in again, at the address that bitween open shows.",
  tooLong: "That is too long for one request.", tooMany: "Too many requests in a short time. Wait a moment, then try again.",
  busy: "The daemon is busy. Wait a moment, then try again.", noAnswer: "The daemon could not do that ({why}).",

  searchShares: "Search what contacts share", from: "From", everybody: "Everybody",
  order: "Order", byMatch: "Best match", byName: "Name", byLargest: "Largest first", bySize: "Smallest first", byOnline: "Who is online first",
  size: "Size", anySize: "Any", sizeUpTo: "Up to {size}", sizeFrom: "At least {size}",
  onlineOnly: "Online only", filters: "Filters", filtersSet: "Filters ({n})",
  shareCount: { one: "{n} share", other: "{n} shares" },
  noShares: "Nothing is shared yet. When a contact of yours runs bitween and shares something, it is here.",
  nothingFound: "Nothing matches. Try fewer words, or narrow it down less.",
  more: { one: "{names} and {n} other", other: "{names} and {n} others" },
  reachDirect: "connects directly", reachNone: "not reachable", reachAway: "offline",
  reachLan: "connects directly, in the same network", reachIpv6: "connects directly (IPv6)", reachIpv4: "connects directly (IPv4)",
  reachMapped: "connects directly, through the router", reachPunched: "connects directly, both sides at once",
  reachRelay: "connects by a relay", reachInBand: "connects through the XMPP server",
  get: "Get", getLabel: "Get {name}", have: "Downloaded", havePart: "Partly downloaded", hereStopped: "Stopped", willCome: "{name}: it begins as soon as somebody who has it is online.",
  begun: "Downloading {name}.", begunMany: "{n} downloads have begun.", willComeMany: "{n} downloads begin when a contact who has them is online.",

  sharePath: "Share a file or folder", pathHint: "Path on the bitween server, such as ~/Pictures, or a magnet link",
  shareThis: "Share this with all contacts?", shareAnyway: "Share anyway",
  torrentFile: "{name} is a .torrent file", torrentFileHow: "It describes files, and does not hold them. bitween downloads from contacts only, so that one of them has to have them.",
  getDescribed: "Download what it describes", shareTheFile: "Share the .torrent file itself", share: "Share",
  choose: "Choose …", chooseWhat: "Choose what to share", whereYouAre: "Where you are", roots: "Start",
  folderEntries: "What lies here", shareFolder: "Share this folder", shareLabel: "Share {name}", sharedAlready: "shared",
  emptyFolder: "Nothing lies here.", noRoots: "The daemon has no folder to look around in: see its option --share-root.",
  hugeFolder: "This folder is huge: only {n} entries of it are shown. What is missing can be shared by typing its path.",
  uploadFiles: "Upload files", uploadFolder: "Upload a folder", dropHere: "Drop it anywhere to share it",
  uploads: "On their way to the daemon", uploading: "Uploading {name}", uploadWaits: "waits for its turn", cancelUpload: "Cancel the upload of {name}",
  uploadWhat: "Share this with your contacts?", uploadAbout: { one: "{n} file, {size}", other: "{n} files, {size}" },
  uploadName: "Name of the folder", uploadNamed: "Files of {time}", uploadAndShare: "Upload and share", cancel: "Cancel",
  andMore: { one: "and {n} other", other: "and {n} others" }, nothingInIt: "There is nothing in it that could be shared.",
  unreadable: "The browser cannot read that: {why}", brokeOff: "The browser could not read a file to its end, or lost the connection. Nothing of it is shared.",
  running: "What is being read", hashing: "Reading {path}", cancelLabel: "Do not share {path}",
  shared: "Your contacts can now download {name}.", sharedMany: "{n} files and folders shared.",
  stateMetadata: "reading the list of files", stateChecking: "checking files", stateQueued: "queued",
  stateDownloading: "downloading", stateFinished: "selected files downloaded", stateSeeding: "shared", statePaused: "paused", stateError: "stopped",
  waitingFor: "waiting for {names} (offline)", waitingForAny: "waiting for a contact who has it",
  peers: { one: "{n} peer", other: "{n} peers" }, left: "{time} left", ofSize: "{done} of {size}",
  torrentCount: { one: "{n} torrent", other: "{n} torrents" }, unnamed: "(no name yet)",
  noTorrents: "You neither share nor download anything. Share a folder above, or get something from your contacts.",
  pause: "Pause {name}", resume: "Resume {name}", files: "Files of {name}", remove: "Remove {name}", stopSharing: "Stop sharing {name}",
  removing: "{name} is removed from the list; its files stay.", removingData: "{name} and its files are about to be deleted.",
  stopping: "{name} is no longer shared; its files stay.", stoppingMany: "{n} shares are no longer shared; their files stay.", undo: "Undo",
  removingMany: "{n} torrents are removed from the list; their files stay.", removingDataMany: "{n} torrents and their files are about to be deleted.",
  removeFromList: "Remove this download?", filesStay: "It leaves the list; its files stay where they are.",
  alsoDelete: { one: "Also delete {n} file ({size}) from disk", other: "Also delete {n} files ({size}) from disk" },
  deleteFiles: { one: "Delete {n} file ({size}) from disk?", other: "Delete {n} files ({size}) from disk?" },
  toTrash: "The files go to the trash.", forGood: "There is no trash: the files are gone for good.",
  filesKept: { one: "{n} file stays: it was changed, or another torrent has it, too.", other: "{n} files stay: they were changed, or another torrent has them, too." },
  removeNow: "Remove from list", moveToTrash: "Move to trash", deleteNow: "Delete for good",
  trashed: { one: "{n} file ({size}) is in the trash.", other: "{n} files ({size}) are in the trash." },
  deleted: { one: "{n} file ({size}) is deleted.", other: "{n} files ({size}) are deleted." },
  finishedMany: "{n} downloads are complete.", severalTimes: "{text} ({n} times)",
  notDone: "The daemon does not answer, so nothing was done.", show: "Show",
  finished: "{name} is complete.", finishedPart: "The selected files of {name} are downloaded.", dismiss: "Dismiss",
  progressOf: "Progress of {name}",
  graph: "Rates in the last {span}", graphNow: "Download {down}, upload {up}. At most {most} in the last {span}.",
  graphMost: "at most {most} in {span}",
  sumSession: "Since the start ↓ {down} ↑ {up}", sumEver: "ever ↓ {down} ↑ {up}",
  peersOf: "Who is connected for {name}", peersList: "Connected",
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

  filesOf: "Files", chooseFiles: "Choose which files to fetch.", noFiles: "Waiting for the list of files. It comes from whoever has them, and is online.",
  fileFirst: "Fetch {name} before others", all: "All", none: "None", save: "Save", close: "Close",
  liesIn: "In {path}", saved: "The choice is kept.",
  chooseLabel: "Choose files of {name}", getThese: "Get these", inOrder: "In order, to play it meanwhile",
  play: "Play {name}", view: "View {name}", openTab: "Open {name} in a new tab", saveNamed: "Save {name}", saveFile: "Save the file", tryAgain: "Try again",
  waitsForBytes: "Waiting until this part has arrived …", cannotShow: "This browser cannot show the file. Save it, and open it with another program.",
  onlyTheBeginning: "Only the first {size} are shown.",

  requests: "Contact requests", requestCount: { one: "{n} request", other: "{n} requests" },
  requested: "{name} wants to be your contact.", requestedMany: "{n} contact requests have come in.", accept: "Accept", decline: "Decline", acceptLabel: "Accept {name}", declineLabel: "Decline {name}",
  addContact: "Add a contact", jid: "JID or xmpp: link, such as bob@example.net", add: "Add", asked: "{name} has been asked.",
  waitsFor: "has not answered yet", onesided: "cannot see you", online: "online", offline: "offline",
  noBitween: "not using bitween", bitweenOffline: "bitween is offline", seeShares: { one: "See {n} share", other: "See {n} shares" }, noContacts: "Nobody yet. Add somebody by their JID; they have to accept.",
  removeContact: "Remove {name}", removingContact: "{name} is removed from your contacts.", removingContacts: "{n} contacts are removed.",
  wantsIn: "wants to see you, and what you share", asksAs: "calls themselves {name}", devicesOf: "Devices of {name}",
  invite: "Have somebody add you", inviteHow: "Send this link to somebody who uses XMPP, or let them scan the code. Their request then appears here.",
  code: "QR code of {uri}", link: "Your link", copy: "Copy", copied: "The link is copied.", notCopied: "The browser does not let this page copy. Select the link and copy it yourself.",

  account: "Account", connection: "Connection", since: "since {time}", runsFor: "The daemon runs for", listens: "Accepts peers at", addresses: "Contacts are told", nothing: "nothing", versions: "Versions",
  stateOnline: "connected", stateConnecting: "connecting", stateWaiting: "waiting for the next try", stateFailed: "failed",
  limits: "Limits", upload: "Upload", download: "Download", limitHint: "in kB/s; empty for none", keepLimits: "Set limits", limitsKept: "The limits hold now.",
  scheduled: "At this time of day the schedule has others hold: {up} up, {down} down.", unlimited: "no limit",
  diagnosis: "What keeps transfers from working", lookAgain: "Look again",
  verdictGood: "good", verdictWarning: "could be better", verdictBad: "bad", verdictUnknown: "not known",
  checkLogIn: "Log-in", checkCertificate: "Certificate", checkPep: "Share list", checkClock: "Clock", checkProxy: "Relay", checkStun: "STUN", checkAddress: "Our address", checkListening: "Port", checkMapping: "Router", checkNat: "NAT", checkDialBack: "Reached", checkWay: "Way", checkAddresses: "Addresses", checkContacts: "Contacts", checkDisk: "Disk",
  room: "Room for downloads", roomIn: "{size} free in {path}", roomUnknown: "not known, in {path}",
  language: "Language", byBrowser: "As the browser",
  schedule: "Schedule, from the settings: {entries}",
  warnings: "What the log warned of", noWarnings: "Nothing since the daemon started.", leftOut: { one: "and {n} more", other: "and {n} more" },
  levelWarn: "Warning", levelError: "Error", levelCritical: "Failure",
  settings: "Settings of the daemon", settingsHow: "Set on the command line or in the settings file, and in force since the start. Limits can be changed above.",
  setting: "Setting", value: "Value", origin: "From", originCommandLine: "command line", originFile: "file", originDefault: "default", yes: "yes", no: "no", notSet: "not set", changeable: "until others are set above",
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
  xmppRefused: "Der XMPP-Server lässt den Daemon nicht mehr hinein: {why}. Das beheben; der Daemon versucht es etwa einmal in der Minute wieder.",
  noReason: "kein Grund bekannt",
  pageOutdated: "Diese Seite und der Daemon haben verschiedene Versionen. Laden Sie die Seite neu.",
  daemonFault: "Im Daemon ist ein Fehler aufgetreten. Näheres steht in seinem Protokoll; bitte melden Sie ihn.",
  notAllowed: "Der Daemon erlaubt dieser Seite das nicht. Melden Sie sich neu an, unter der Adresse, die bitween open zeigt.",
  tooLong: "Das ist zu lang für eine Anfrage.", tooMany: "Zu viele Anfragen in kurzer Zeit. Warten Sie einen Moment und versuchen Sie es dann noch einmal.",
  busy: "Der Daemon ist ausgelastet. Warten Sie einen Moment und versuchen Sie es dann noch einmal.", noAnswer: "Der Daemon konnte das nicht ausführen ({why}).",

  searchShares: "Suchen, was Kontakte anbieten", from: "Von", everybody: "Allen",
  order: "Reihenfolge", byMatch: "Beste Treffer", byName: "Name", byLargest: "Größte zuerst", bySize: "Kleinste zuerst", byOnline: "Wer da ist zuerst",
  size: "Größe", anySize: "Jede", sizeUpTo: "Bis {size}", sizeFrom: "Ab {size}",
  onlineOnly: "Nur wer online ist", filters: "Filter", filtersSet: "Filter ({n})",
  shareCount: { one: "{n} Angebot", other: "{n} Angebote" },
  noShares: "Noch bietet niemand etwas an. Sobald ein Kontakt mit bitween etwas anbietet, steht es hier.",
  nothingFound: "Nichts passt. Weniger Wörter versuchen, oder weniger eingrenzen.",
  more: { one: "{names} und {n} weiterer Kontakt", other: "{names} und {n} weitere" },
  reachDirect: "direkt", reachNone: "nicht erreichbar", reachAway: "offline",
  reachLan: "direkt, im selben Netz", reachIpv6: "direkt (IPv6)", reachIpv4: "direkt (IPv4)",
  reachMapped: "direkt, durch den Router", reachPunched: "direkt, beide zugleich",
  reachRelay: "über einen Vermittler", reachInBand: "über den XMPP-Server",
  get: "Holen", getLabel: "{name} holen", have: "Vorhanden", havePart: "Teilweise vorhanden", hereStopped: "Gestoppt", willCome: "{name}: beginnt, sobald jemand da ist, der es hat.",
  begun: "{name} wird heruntergeladen.", begunMany: "{n} Downloads haben begonnen.", willComeMany: "{n} Downloads beginnen, sobald ein Kontakt online ist, der sie hat.",

  sharePath: "Datei oder Ordner anbieten", pathHint: "Pfad auf dem bitween-Server, etwa ~/Bilder, oder ein Magnet-Link",
  shareThis: "Für alle Kontakte freigeben?", shareAnyway: "Trotzdem freigeben",
  torrentFile: "{name} ist eine .torrent-Datei", torrentFileHow: "Sie beschreibt Dateien und enthält sie nicht. bitween lädt nur von Kontakten herunter; einer davon muss sie haben.",
  getDescribed: "Beschriebenes herunterladen", shareTheFile: "Die .torrent-Datei selbst freigeben", share: "Anbieten",
  choose: "Auswählen …", chooseWhat: "Was soll angeboten werden?", whereYouAre: "Ort", roots: "Anfang",
  folderEntries: "Was hier liegt", shareFolder: "Diesen Ordner anbieten", shareLabel: "{name} anbieten", sharedAlready: "angeboten",
  emptyFolder: "Hier liegt nichts.", noRoots: "Der Daemon hat keinen Ordner, in dem man sich umsehen kann: siehe seine Option --share-root.",
  hugeFolder: "Dieser Ordner ist riesig: nur {n} Einträge stehen hier. Was fehlt, lässt sich mit seinem Pfad anbieten.",
  uploadFiles: "Dateien hochladen", uploadFolder: "Ordner hochladen", dropHere: "Irgendwo ablegen, um es anzubieten",
  uploads: "Auf dem Weg zum Daemon", uploading: "{name} wird hochgeladen", uploadWaits: "wartet, bis es an der Reihe ist", cancelUpload: "{name} nicht hochladen",
  uploadWhat: "Das allen Kontakten anbieten?", uploadAbout: { one: "{n} Datei, {size}", other: "{n} Dateien, {size}" },
  uploadName: "Name des Ordners", uploadNamed: "Dateien vom {time}", uploadAndShare: "Hochladen und anbieten", cancel: "Abbrechen",
  andMore: { one: "und {n} weitere", other: "und {n} weitere" }, nothingInIt: "Es ist nichts darin, das angeboten werden könnte.",
  unreadable: "Der Browser kann das nicht lesen: {why}", brokeOff: "Der Browser konnte eine Datei nicht zu Ende lesen oder hat die Verbindung verloren. Nichts davon wird angeboten.",
  running: "Was gerade gelesen wird", hashing: "{path} wird gelesen", cancelLabel: "{path} nicht anbieten",
  shared: "Ihre Kontakte können {name} jetzt herunterladen.", sharedMany: "{n} Dateien und Ordner freigegeben.",
  stateMetadata: "Dateiliste wird gelesen", stateChecking: "Dateien werden geprüft", stateQueued: "in der Warteschlange",
  stateDownloading: "wird geladen", stateFinished: "ausgewählte Dateien heruntergeladen", stateSeeding: "angeboten", statePaused: "angehalten", stateError: "gestoppt",
  waitingFor: "wartet auf {names} (offline)", waitingForAny: "wartet auf einen Kontakt, der es hat",
  peers: { one: "{n} Gegenstelle", other: "{n} Gegenstellen" }, left: "noch {time}", ofSize: "{done} von {size}",
  torrentCount: { one: "{n} Torrent", other: "{n} Torrents" }, unnamed: "(noch ohne Namen)",
  noTorrents: "Sie bieten nichts an und laden nichts. Oben einen Ordner anbieten oder etwas von Kontakten holen.",
  pause: "{name} anhalten", resume: "{name} fortsetzen", files: "Dateien von {name}", remove: "{name} entfernen", stopSharing: "{name} nicht mehr freigeben",
  removing: "{name} wird aus der Liste entfernt; die Dateien bleiben.", removingData: "{name} und die Dateien werden gleich gelöscht.",
  stopping: "{name} wird nicht mehr freigegeben; die Dateien bleiben.", stoppingMany: "{n} Freigaben sind beendet; die Dateien bleiben.", undo: "Rückgängig",
  removingMany: "{n} Torrents werden aus der Liste entfernt; die Dateien bleiben.", removingDataMany: "{n} Torrents und ihre Dateien werden gleich gelöscht.",
  removeFromList: "Diesen Download entfernen?", filesStay: "Der Download wird aus der Liste entfernt; die Dateien bleiben, wo sie sind.",
  alsoDelete: { one: "Auch {n} Datei ({size}) vom Datenträger löschen", other: "Auch {n} Dateien ({size}) vom Datenträger löschen" },
  deleteFiles: { one: "{n} Datei ({size}) vom Datenträger löschen?", other: "{n} Dateien ({size}) vom Datenträger löschen?" },
  toTrash: "Die Dateien kommen in den Papierkorb.", forGood: "Es gibt keinen Papierkorb: Die Dateien sind dann endgültig weg.",
  filesKept: { one: "{n} Datei bleibt: Sie wurde geändert oder gehört auch zu einem anderen Torrent.", other: "{n} Dateien bleiben: Sie wurden geändert oder gehören auch zu einem anderen Torrent." },
  removeNow: "Aus der Liste entfernen", moveToTrash: "In den Papierkorb", deleteNow: "Endgültig löschen",
  trashed: { one: "{n} Datei ({size}) liegt im Papierkorb.", other: "{n} Dateien ({size}) liegen im Papierkorb." },
  deleted: { one: "{n} Datei ({size}) wurde gelöscht.", other: "{n} Dateien ({size}) wurden gelöscht." },
  finishedMany: "{n} Downloads sind vollständig.", severalTimes: "{text} ({n}-mal)",
  notDone: "Der Daemon antwortet nicht; es wurde nichts ausgeführt.", show: "Anzeigen",
  finished: "{name} ist vollständig.", finishedPart: "Die ausgewählten Dateien von {name} sind heruntergeladen.", dismiss: "Schließen",
  progressOf: "Fortschritt von {name}",
  graph: "Geschwindigkeit in den letzten {span}", graphNow: "Herunter {down}, hoch {up}. Höchstens {most} in den letzten {span}.",
  graphMost: "höchstens {most} in {span}",
  sumSession: "Seit dem Start ↓ {down} ↑ {up}", sumEver: "insgesamt ↓ {down} ↑ {up}",
  peersOf: "Wer für {name} verbunden ist", peersList: "Verbunden",
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

  filesOf: "Dateien", chooseFiles: "Wählen, welche Dateien geholt werden.", noFiles: "Die Liste der Dateien fehlt noch. Sie kommt von jemandem, der sie hat und da ist.",
  fileFirst: "{name} vor anderen holen", all: "Alle", none: "Keine", save: "Übernehmen", close: "Schließen",
  liesIn: "In {path}", saved: "Die Auswahl gilt.",
  chooseLabel: "Dateien von {name} wählen", getThese: "Diese holen", inOrder: "Der Reihe nach, um schon abzuspielen",
  play: "{name} abspielen", view: "{name} ansehen", openTab: "{name} in neuem Tab öffnen", saveNamed: "{name} sichern", saveFile: "Datei sichern", tryAgain: "Noch einmal versuchen",
  waitsForBytes: "Warten, bis dieser Teil da ist …", cannotShow: "Dieser Browser kann die Datei nicht zeigen. Sie lässt sich sichern und mit einem anderen Programm öffnen.",
  onlyTheBeginning: "Nur die ersten {size} werden gezeigt.",

  requests: "Kontaktanfragen", requestCount: { one: "{n} Anfrage", other: "{n} Anfragen" },
  requested: "{name} möchte Ihr Kontakt werden.", requestedMany: "{n} Kontaktanfragen sind eingegangen.", accept: "Annehmen", decline: "Ablehnen", acceptLabel: "{name} annehmen", declineLabel: "{name} ablehnen",
  addContact: "Kontakt hinzufügen", jid: "JID oder xmpp:-Link, etwa bob@example.net", add: "Hinzufügen", asked: "{name} wurde gefragt.",
  waitsFor: "hat noch nicht geantwortet", onesided: "kann Sie nicht sehen", online: "online", offline: "offline",
  noBitween: "nutzt bitween nicht", bitweenOffline: "bitween ist offline", seeShares: { one: "{n} Angebot ansehen", other: "{n} Angebote ansehen" }, noContacts: "Noch niemand. Jemanden mit der JID hinzufügen; er oder sie muss annehmen.",
  removeContact: "{name} entfernen", removingContact: "{name} wird aus den Kontakten entfernt.", removingContacts: "{n} Kontakte werden entfernt.",
  wantsIn: "möchte Sie sehen, und was Sie anbieten", asksAs: "nennt sich {name}", devicesOf: "Geräte von {name}",
  invite: "Sich hinzufügen lassen", inviteHow: "Diesen Link jemandem schicken, der XMPP benutzt, oder den Code scannen lassen. Die Anfrage erscheint dann hier.",
  code: "QR-Code von {uri}", link: "Ihr Link", copy: "Kopieren", copied: "Der Link ist kopiert.", notCopied: "Der Browser lässt diese Seite nicht kopieren. Den Link markieren und selbst kopieren.",

  account: "Konto", connection: "Verbindung", since: "seit {time}", runsFor: "Der Daemon läuft seit", listens: "Nimmt Gegenstellen an bei", addresses: "Kontakten wird genannt", nothing: "nichts", versions: "Versionen",
  stateOnline: "verbunden", stateConnecting: "wird verbunden", stateWaiting: "wartet auf den nächsten Versuch", stateFailed: "gescheitert",
  limits: "Grenzen", upload: "Hochladen", download: "Herunterladen", limitHint: "in kB/s; leer für keine", keepLimits: "Grenzen setzen", limitsKept: "Die Grenzen gelten jetzt.",
  scheduled: "Zu dieser Tageszeit gelten nach dem Zeitplan andere: {up} hoch, {down} herunter.", unlimited: "ohne Grenze",
  diagnosis: "Was Übertragungen behindert", lookAgain: "Noch einmal nachsehen",
  verdictGood: "gut", verdictWarning: "verbesserbar", verdictBad: "schlecht", verdictUnknown: "unbekannt",
  checkLogIn: "Anmeldung", checkCertificate: "Zertifikat", checkPep: "Angebote", checkClock: "Uhr", checkProxy: "Vermittlung", checkStun: "STUN", checkAddress: "Unsere Adresse", checkListening: "Port", checkMapping: "Router", checkNat: "NAT", checkDialBack: "Erreichbar", checkWay: "Weg", checkAddresses: "Adressen", checkContacts: "Kontakte", checkDisk: "Platte",
  room: "Platz für Geladenes", roomIn: "{size} frei in {path}", roomUnknown: "unbekannt, in {path}",
  language: "Sprache", byBrowser: "Wie der Browser",
  schedule: "Zeitplan, aus den Einstellungen: {entries}",
  warnings: "Wovor das Protokoll gewarnt hat", noWarnings: "Vor nichts, seit der Daemon läuft.", leftOut: { one: "und {n} weitere", other: "und {n} weitere" },
  levelWarn: "Warnung", levelError: "Fehler", levelCritical: "Ausfall",
  settings: "Einstellungen des Daemons", settingsHow: "Auf der Befehlszeile oder in der Einstellungsdatei gesetzt und seit dem Start gültig. Die Grenzen lassen sich oben ändern.",
  setting: "Einstellung", value: "Wert", origin: "Woher", originCommandLine: "Befehlszeile", originFile: "Datei", originDefault: "Vorgabe", yes: "ja", no: "nein", notSet: "nicht gesetzt", changeable: "bis oben andere gesetzt werden",
  api: "Die API, und was sie noch kann",
};

// What the daemon says, which itself speaks English: errors by "reason" or "reason.detail", findings by
// "check.verdict" or "check.verdict.detail", obstacles by "obstacle.detail", and ".fix" for what to do. Without a detail only the English
// text tells all, so that it stands behind.
const heardInGerman = {
  "invalid_value": "Das ist kein gültiger Wert",
  "invalid_value.jid": "„{jid}“ ist keine JID; sie sieht aus wie name@example.net",
  "invalid_value.own_account": "Das ist Ihr eigenes Konto; dessen Geräte sehen einander ohnehin",
  "invalid_value.no_file": "Es bliebe keine Datei übrig; den Torrent stattdessen anhalten oder entfernen",
  "failed": "Das ist nicht gelungen",
  "failed.no_place": "Für einen Vermittler ist hier kein Platz: bei {host} lässt sich nicht lauschen ({why})",
  "failed.too_many": "Für noch einen Vermittler ist hier kein Platz: es sind zu viele auf einmal",
  "configuration_error": "Eine Einstellung lässt sich nicht verwenden",
  "startup_error": "Der Daemon kann so nicht starten",
  "bad_path": "Dieser Pfad lässt sich nicht verwenden",
  "bad_path.relative": "„{path}“ ist kein vollständiger Pfad; er muss bei der Wurzel beginnen",
  "bad_path.neither": "„{path}“ ist weder eine Datei noch ein Ordner",
  "bad_path.closed": "In „{path}“ darf der Daemon nicht schreiben; die Rechte prüfen",
  "no_such_path": "Dort liegt nichts",
  "no_such_path.path": "„{path}“ gibt es nicht",
  "unreadable_path": "Der Pfad oder etwas darin darf nicht gelesen werden",
  "unreadable_path.path": "„{path}“ darf der Daemon nicht lesen; die Rechte prüfen",
  "empty_folder": "Der Ordner enthält keine Datei, die sich anbieten ließe",
  "empty_folder.path": "„{path}“ ist leer; ein Ordner braucht eine Datei, um angeboten zu werden",
  "forbidden_path": "Das gehört bitween selbst und wird nie freigegeben",
  "forbidden_path.own": "„{path}“ gehört bitween selbst und wird nie freigegeben",
  "forbidden_path.holds_own": "„{path}“ enthält „{own}“ mit den Geheimnissen von bitween; geben Sie stattdessen die Ordner darin frei",
  "confirmation_needed": "Das wird selten gewollt; bestätigen Sie es, um es trotzdem freizugeben",
  "confirmation_needed.root": "„{path}“ ist der ganze Rechner: Alle Kontakte könnten alles darauf herunterladen",
  "confirmation_needed.home": "„{path}“ ist ein Benutzerverzeichnis: Alle Kontakte könnten alles darin herunterladen",
  "confirmation_needed.homes": "„{path}“ enthält ein Benutzerverzeichnis: Alle Kontakte könnten alles darin herunterladen",
  "confirmation_needed.keys": "„{path}“ enthält mit „{name}“ womöglich Schlüssel oder Passwörter: Alle Kontakte könnten sie herunterladen",
  "confirmation_needed.torrent_file": "„{path}“ beschreibt einen Torrent, dessen Inhalt nicht darin ist; um ihn von Kontakten herunterzuladen, suchen Sie nach {hash}",
  "original_files": "Diese Dateien hat bitween nicht heruntergeladen; sie werden nur gelöscht, wenn Sie das ausdrücklich verlangen",
  "deletion_failed": "Nicht alle Dateien ließen sich löschen; löschen Sie den Rest von Hand",
  "hashing_failed": "Die Dateien ließen sich nicht zu Ende lesen oder haben sich dabei geändert",
  "not_found": "Das gibt es nicht",
  "unknown_torrent": "Diesen Torrent gibt es hier nicht mehr",
  "unknown_contact": "Diesen Kontakt gibt es nicht",
  "unknown_contact.jid": "{jid} ist nicht unter Ihren Kontakten",
  "unknown_contact.no_request": "Von {jid} liegt keine Anfrage vor; stattdessen hinzufügen",
  "unknown_resource": "Dieses Gerät ist nicht bekannt",
  "unknown_job": "Diesen Vorgang gibt es nicht mehr",
  "unknown_token": "Ein Token dieses Namens gibt es nicht",
  "no_metadata": "Die Dateien dieses Torrents sind noch nicht bekannt",
  "no_room": "Dafür ist auf der Platte des Daemons kein Platz",
  "unknown_upload": "Dieses Hochladen gibt es nicht mehr",
  "upload_failed": "Das Hochladen ist gescheitert",
  "not_fetched": "Diese Bytes sind noch nicht da",
  "read_only": "Wer mit diesem Token angemeldet ist, darf alles ansehen und nichts ändern",
  "resource_online": "Das Gerät ist da und käme sofort wieder",
  "store_error": "Die Datenbank im Zustandsverzeichnis lässt sich nicht verwenden",
  "swarm_error": "libtorrent hat das abgelehnt",
  "xmpp_error": "Über XMPP ist das nicht gelungen",
  "not_connected": "Es besteht keine Verbindung zum XMPP-Server",
  "not_connected.now": "Im Augenblick besteht keine Verbindung zum XMPP-Server; später noch einmal versuchen",
  "not_connected.broken": "Die Verbindung zum Server ist abgebrochen; später noch einmal versuchen",
  "not_connected.shut_down": "wird beendet",
  "not_connected.silent": "{host} antwortet nicht",
  "not_connected.unknown_host": "{host} ist nicht zu finden",
  "not_connected.refused": "{host} nimmt keine Verbindung an",
  "not_connected.no_route": "Zu {host} führt im Augenblick kein Weg",
  "not_connected.closed": "{host} hat die Verbindung beendet",
  "not_connected.lost": "Die Verbindung zu {host} ist abgerissen",
  "not_connected.other": "Keine Verbindung zu {host}: {why}",
  "not_connected.no_xmpp": "{host} bietet nach eigenen Angaben kein XMPP; --jid prüfen",
  "not_connected.encryption": "Die verschlüsselte Verbindung zu {host} ist gescheitert: {why}",
  "not_connected.put_off": "Der Server verschiebt die Anmeldung: {condition}",
  "not_connected.stream": "{host} hat die Sitzung beendet: {condition}",
  "not_connected.redirected": "{host} verweist auf {place}; bitween geht nicht von selbst dorthin, der Ort lässt sich mit --server angeben",
  "not_connected.conflict": "Ein anderes Programm hat sich mit derselben Ressource angemeldet; jedem Programm eine eigene geben",
  "not_connected.policy-violation": "Der Server sagt, dass seine Regeln verletzt wurden",
  "not_connected.resource-constraint": "Dem Server fehlen Mittel",
  "not_connected.system-shutdown": "Der Server wird heruntergefahren",
  "not_connected.connection-timeout": "Der Server hielt die Verbindung für tot",
  "not_connected.host-gone": "Der Server bedient diese Domain nicht mehr",
  "request_refused": "Der Server oder der Kontakt hat das abgelehnt",
  "request_refused.nonsense": "Die Antwort von {who} ergibt keinen Sinn",
  "request_refused.outdated": "{who} hat ein bitween, das sich das nicht fragen lässt; es dort erneuern",
  "request_refused.no_relay": "Keiner der beiden Server vermittelt; auf einem davon proxy65 (XEP-0065) einschalten lassen",
  "request_refused.relay_unknown": "Das Programm des Kontakts sagt nicht, wie ihm vermittelt werden könnte",
  "request_refused.too_large": "Es ist größer als die {most} Bytes, die durch den XMPP-Server gehen; für mehr braucht einer der Server proxy65",
  "request_refused.answer": "Die Antwort war {condition}",
  "request_refused.no_answer": "Es kam keine Antwort; später noch einmal versuchen",
  "log_in_refused": "Die Anmeldung ist gescheitert",
  "log_in_refused.server_not_authentic": "Der Server konnte nicht beweisen, dass er das Passwort kennt; vielleicht hört jemand mit",
  "log_in_refused.no_mechanism": "Der Server bietet keine Anmeldung, die bitween annimmt; er sollte SCRAM anbieten",
  "log_in_refused.refused": "Der Server lehnt die Anmeldung ab: {condition}",
  "log_in_refused.iterations": "Der Server verlangt {n} Runden beim Hashen des Passworts, mehr als die erlaubten {most}; den Betreiber bitten, die Iterationszahl von SCRAM zu senken",
  "log_in_refused.no_encryption": "{host} bietet keine Verschlüsselung; bitween schickt nie ein Passwort im Klartext",
  "log_in_refused.unknown_domain": "{host} bedient die Domain dieses Kontos nicht; --jid und --server prüfen",
  "credentials_refused": "Name oder Passwort stimmen nicht",
  "credentials_refused.not_authorized": "Der Server nimmt Namen und Passwort nicht an; --jid und das Passwort prüfen",
  "credentials_refused.password_expired": "Laut Server ist das Passwort abgelaufen; mit einem anderen Programm ein neues setzen",
  "credentials_refused.disabled": "Laut Server ist das Konto gesperrt; den Betreiber fragen, die Anmeldung wird wiederholt",
  "certificate_refused": "Dem Zertifikat des Servers ist nicht zu trauen",
  "certificate_refused.name": "Das Zertifikat von {host} gilt für einen anderen Namen; die Domain der JID prüfen, vielleicht ist die Anmeldeseite eines Netzes dazwischen",
  "certificate_refused.untrusted": "Dem Zertifikat von {host} ist nicht zu trauen, weil seine Zertifizierungsstelle hier unbekannt ist; deren Zertifikat mit --ca-file angeben, vielleicht ist auch die Anmeldeseite eines Netzes dazwischen",
  "certificate_refused.expired": "Das Zertifikat von {host} ist am {date} abgelaufen; die Uhr dieses Rechners zeigt {clock}. Wenn sie richtig geht, muss der Betreiber es erneuern",
  "certificate_refused.authority_expired": "Das Zertifikat einer Zertifizierungsstelle von {host} ist am {date} abgelaufen; die Uhr dieses Rechners zeigt {clock}. Wenn sie richtig geht, muss der Betreiber es erneuern, oder die Zertifikate hier sind zu aktualisieren",
  "certificate_refused.not_yet_valid": "Das Zertifikat von {host} gilt erst ab {date}; die Uhr dieses Rechners zeigt {clock}. Die Uhr stellen, die Anmeldung wird wiederholt",
  "certificate_refused.not_accepted": "Das Zertifikat von {host} ist nicht annehmbar (Prüffehler {code} von OpenSSL); der Betreiber muss es ersetzen",

  "log-in.good": "angemeldet als {jid}",
  "log-in.bad": "nicht angemeldet",
  "log-in.bad.fix": "--jid, --server und das Passwort prüfen; mehr steht im Protokoll des Daemons",
  "certificate.good": { one: "gültig, läuft in {n} Tag ab", other: "gültig, läuft in {n} Tagen ab" },
  "certificate.warning": { one: "gültig, läuft in {n} Tag ab", other: "gültig, läuft in {n} Tagen ab" },
  "certificate.warning.fix": "wer den Server betreibt, sollte es erneuern",
  "certificate.unknown": "die Verbindung zum Server ist nicht verschlüsselt",
  "pep.good": "der Server sagt Kontakten, was Sie anbieten",
  "pep.bad": "der Server bewahrt keine Angebote auf",
  "pep.bad.fix": "dort PEP (XEP-0163) einschalten lassen oder einen anderen Server nehmen",
  "pep.unknown": "der Server sagt nicht, ob er Angebote aufbewahrt",
  "clock.good": "geht {seconds} anders als die des Servers",
  "clock.warning": "geht {seconds} anders als die des Servers",
  "clock.warning.fix": "sie stellen, am besten über NTP",
  "clock.unknown": "der Server sagt nicht, wie spät es ist",
  "proxy.good": "der Server vermittelt Verbindungen, bei {jid}",
  "proxy.warning": "der Server vermittelt keine Verbindungen",
  "proxy.warning.fix": "dort proxy65 (XEP-0065) einschalten lassen",
  "stun.good": "der Server nennt einen STUN-Dienst",
  "stun.warning": "der Server nennt keinen STUN-Dienst",
  "stun.warning.fix": "dort einen nennen lassen (XEP-0215)",
  "address.good": "der Server sieht uns bei {address}",
  "address.warning": "der Server sagt nicht, bei welcher Adresse er uns sieht",
  "address.warning.fix": "nichts, wenn ein Router einen Port weiterleitet; sonst dort XEP-0279 einschalten lassen",
  "listening.good": "Gegenstellen werden auf Port {ports} angenommen",
  "listening.bad": "für Gegenstellen ist kein Port offen",
  "listening.bad.fix": "siehe --listen",
  "mapping.good": "ein Router leitet {addresses} weiter",
  "mapping.good.public": "kein Router muss einen Port weiterleiten: eine Adresse ist öffentlich",
  "mapping.warning": "kein Router leitet einen Port zu uns weiter",
  "mapping.warning.fix": "im Router UPnP oder NAT-PMP einschalten, oder einen Port weiterleiten und mit --announce nennen",
  "nat.good": "der Router zeigt allen denselben Port: beide Seiten können einander zugleich anwählen",
  "nat.good.none": "kein Router ändert unsere IPv4-Adresse",
  "nat.good.forwarded": "der Router zeigt jedem Kontakt einen anderen Port (symmetrisches NAT), leitet aber einen zu uns weiter",
  "nat.warning": "der Router zeigt jedem Kontakt einen anderen Port (symmetrisches NAT): einander zugleich anzuwählen hilft nicht",
  "nat.warning.fix": "im Router UPnP oder NAT-PMP einschalten, oder einen Port weiterleiten und mit --announce nennen; sonst beim Anbieter um eine öffentliche Adresse oder IPv6 bitten",
  "nat.unknown": "ob der Router allen denselben Port zeigt, ist nicht bekannt",
  "nat.unknown.fix": "den XMPP-Server STUN bei zwei Adressen nennen lassen (XEP-0215)",
  "addresses.good": "Kontakten wird {addresses} genannt",
  "addresses.warning": "Kontakten wird {addresses} genannt: nur für Programme auf diesem Rechner",
  "addresses.bad": "Kontakten wird keine Adresse genannt",
  "addresses.bad.fix": "das Netz prüfen, oder eine Adresse mit --announce nennen",
  "way.good": "{jid} ist erreichbar",
  "way.good.fix": "{fix}",
  "way.good.lan": "{jid}: direkt, im selben Netz",
  "way.good.ipv6": "{jid}: direkt (IPv6)",
  "way.good.ipv4": "{jid}: direkt (IPv4)",
  "way.good.mapped": "{jid}: direkt, durch den Router",
  "way.good.punched": "{jid}: direkt, beide zugleich",
  "way.good.relay": "{jid}: über den Vermittler {through}. {reason}",
  "way.good.in_band": "{jid}: über den XMPP-Server. {reason}",
  "way.warning": "{jid} ist nicht erreichbar: {reason}",
  "way.warning.fix": "{fix}",
  "obstacle.unanswered": "Bei den Adressen dort antwortet nichts",
  "obstacle.unanswered.fix": "Vielleicht nichts: ob beide einander zugleich anwählen können, zeigt der erste Download",
  "obstacle.none_theirs": "Dort wird keine Adresse genannt, die von hier gewählt werden darf",
  "obstacle.none_theirs.fix": "Dort bitween doctor laufen lassen",
  "obstacle.none_ours": "Hier gibt es keine Adresse",
  "obstacle.none_ours.fix": "Das Netz prüfen; siehe bitween doctor",
  "obstacle.families": "Dort gibt es nur {theirs}, hier nur {ours}",
  "obstacle.families.fix": "Auf einer der beiden Seiten eine Adresse der anderen Art vom Anbieter bekommen",
  "obstacle.silent": { one: "Bei {n} Adresse dort antwortet nichts", other: "Bei {n} Adressen dort antwortet nichts" },
  "obstacle.silent.fix": "Auf einer der beiden Seiten im Router UPnP oder NAT-PMP einschalten, oder einen Port weiterleiten und mit --announce nennen",
  "obstacle.no_hole": "Einander zugleich anzuwählen half nicht",
  "obstacle.symmetric_both": "Einander zugleich anzuwählen hilft nicht: beide Router zeigen jedem Kontakt einen anderen Port (symmetrisches NAT)",
  "obstacle.symmetric_here": "Einander zugleich anzuwählen hilft nicht: der Router hier zeigt jedem Kontakt einen anderen Port (symmetrisches NAT)",
  "obstacle.symmetric_there": "Einander zugleich anzuwählen hilft nicht: der Router dort zeigt jedem Kontakt einen anderen Port (symmetrisches NAT)",
  "obstacle.symmetric_both.fix": "Auf einer der beiden Seiten im Router UPnP oder NAT-PMP einschalten, oder einen Port weiterleiten und mit --announce nennen",
  "obstacle.symmetric_here.fix": "Auf einer der beiden Seiten im Router UPnP oder NAT-PMP einschalten, oder einen Port weiterleiten und mit --announce nennen",
  "obstacle.symmetric_there.fix": "Auf einer der beiden Seiten im Router UPnP oder NAT-PMP einschalten, oder einen Port weiterleiten und mit --announce nennen",
  "obstacle.closed": "Dort wird geantwortet, aber nicht eingelassen",
  "obstacle.closed.fix": "Dort sind wir an einer Adresse zu sehen, die wir nicht nennen: hier bitween doctor laufen lassen",
  "obstacle.relay_unknown": "Ob einer der Server vermittelt, ist nicht bekannt",
  "dial-back.good": { one: "Kontakte erreichen uns über {reached}; {n} wurde gefragt", other: "Kontakte erreichen uns über {reached}; {n} wurden gefragt" },
  "dial-back.good.partly": { one: "Kontakte erreichen uns über {reached}, nicht über {closed}; {n} wurde gefragt", other: "Kontakte erreichen uns über {reached}, nicht über {closed}; {n} wurden gefragt" },
  "dial-back.good.partly.fix": "TCP- und UDP-Port {port} in den Firewalls hier und im Router öffnen, oder dort UPnP oder NAT-PMP einschalten, oder den Port zu uns weiterleiten",
  "dial-back.warning": { one: "Kontakte erreichen uns nicht über {closed}; {n} wurde gefragt", other: "Kontakte erreichen uns nicht über {closed}; {n} wurden gefragt" },
  "dial-back.warning.fix": "TCP- und UDP-Port {port} in den Firewalls hier und im Router öffnen, oder dort UPnP oder NAT-PMP einschalten, oder den Port zu uns weiterleiten",
  "dial-back.unknown": "niemand konnte gebeten werden, uns anzuwählen",
  "dial-back.unknown.fix": "das geschieht, wenn ein Kontakt mit aktuellem bitween in einem anderen Netz da ist",
  "contacts.good": { one: "{n} von {total} Geräten der Kontakte nennt eine Adresse, die sich erreichen lässt", other: "{n} von {total} Geräten der Kontakte nennen eine Adresse, die sich erreichen lässt" },
  "contacts.warning": { one: "{n} von {total} Geräten der Kontakte nennt eine Adresse, die sich erreichen lässt", other: "{n} von {total} Geräten der Kontakte nennen eine Adresse, die sich erreichen lässt" },
  "contacts.warning.fix": "auch dort bitween doctor laufen lassen",
  "contacts.unknown": "im Augenblick ist kein Kontakt mit bitween da",
  "disk.good": "{free} frei in „{folder}“",
  "disk.warning": "nur {free} frei in „{folder}“",
  "disk.warning.fix": "dort Platz schaffen",
  "disk.bad": "„{folder}“ lässt sich nicht verwenden: {why}",
  "disk.bad.fix": "siehe --download-dir",
  "disk.bad.closed": "in „{folder}“ darf der Daemon nicht schreiben",
  "disk.bad.closed.fix": "die Rechte prüfen",
};

// Where the daemon's own words would tell a person nothing.
const heardInEnglish = {
  "invalid_value": "That value is not valid",
  "unknown_torrent": "This torrent is no longer in the list",
  "unknown_job": "This has ended already",
  "unknown_upload": "This upload has ended already",
  "unknown_token": "There is no token of that name",
  "swarm_error": "libtorrent refused this",
};
// Kinds of which the daemon's own words say no more than the table does.
const SAYS_ALL = new Set(["unknown_torrent", "unknown_job", "unknown_upload", "unknown_token"]);

export const LANGUAGES = { en: "English", de: "Deutsch" };
const KEPT = "bitween-language"; // by which name the browser keeps what was chosen
const known = (tag) => tag.split("-")[0] in LANGUAGES;

/** The language that somebody chose, or null. */
export const chosenLanguage = kept(KEPT);

/** Show the page in a language, or with null in the browser's. */
export function chooseLanguage(name) {
  keep(KEPT, name || null);
  location.reload();
}

export const language = LANGUAGES[chosenLanguage] ? chosenLanguage : (navigator.languages.find(known) ?? "en").split("-")[0];
/** In which form numbers and times are written; undefined for the browser's own. */
export const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? (chosenLanguage ? language : undefined);

const texts = { en, de }[language];
const heardTexts = { en: heardInEnglish, de: heardInGerman }[language];
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);

/** A text, with values put in for its {names}; `n` is a number and chooses the form. */
export function t(key, values = {}) {
  return filled(texts[key], values);
}

/** What the daemon said of an error, in the reader's language as far as that is known. */
export function heardError({ reason, detail, values }, english) {
  const exact = heard(`${reason}.${detail}`, values);
  if (exact) return exact;
  const text = heardTexts[reason];
  if (!text || (detail && language === "en")) return english;
  return SAYS_ALL.has(reason) ? text : `${text} (${english})`;
}

/** What the daemon found, and with `fix` what to do about it, in the reader's language as far as that is known. */
export function heardFinding({ check, verdict, detail }, values, english, fix = false) {
  return heard([check, verdict, detail, fix && "fix"].filter(Boolean).join("."), values) ?? english;
}

/** Why there is no better way to somebody, and what would help, in the reader's language as far as that is known. */
export function heardWay(because) {
  const between = language === "en" ? "; " : ". ";
  const why = because.map(({ kind, detail, text, values }) => heardError({ reason: kind ?? "obstacle", detail, values }, text)).join(between);
  const helped = because.findLast(({ fix }) => fix);
  // A text about an error tells what helps itself; of others only the English ones do not.
  const help = helped && (heard(`obstacle.${helped.detail}.fix`, {}) ?? (language !== "en" && helped.kind ? "" : helped.fix));
  return { why, help: help ?? "", all: [why, help].filter(Boolean).join(between) };
}

// A text of the table, or null where it is missing, or a value that it tells.
function heard(key, values) {
  const text = heardTexts[key];
  if (!text) return null;
  const places = JSON.stringify(text).matchAll(/\{(\w+)\}/g);
  return [...places].every(([, name]) => name in values) ? filled(text, values) : null;
}

function filled(text, values) {
  const form = typeof text === "string" ? text : text[plurals.select(values.n)];
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : isolated(String(value));
  });
}
