/** Everything that the console says, in German. */
import { createGrammar } from '../../strings/grammar.ts'
import type { Words } from './en.ts'

const { count, list, number } = createGrammar('de')
const ors = new Intl.ListFormat('de', { type: 'disjunction' })
const device = { one: 'Gerät', other: 'Geräte' }
/** After “auf”. */
const onDevices = { one: 'Gerät', other: 'Geräten' }
const known = { one: 'bekanntes Gerät', other: 'bekannte Geräte' }
const version = (number: number | null) => (number === null ? 'nichts' : `v${number}`)
const share = (percent: number) => `${number(percent)}\u00a0%`
const days = { one: 'Tag', other: 'Tage' }

export const de: Words = {
  name: 'Kindred-Konsole',
  short: 'Konsole',
  skip: 'Zum Inhalt springen',
  views: 'Ansichten',
  loading: 'Wird geladen …',
  again: 'Noch einmal versuchen',
  refresh: 'Neu laden',
  cancel: 'Abbrechen',
  signOut: 'Abmelden',
  none: 'Keine',
  version,
  share,
  of: (task, number) => `${task} v${number}`,
  by: (who, when) => `${who}, ${when}`,
  why: (why) => `„${why}“`,
  offline: 'Der Server antwortet nicht. Was hier nicht steht, wurde nicht geändert.',

  view: {
    releases: 'Freigaben',
    tasks: 'Aufgaben',
    devices: 'Geräte',
    experiments: 'Versuche',
    health: 'Zustand',
    ledger: 'Protokoll',
  },

  signIn: {
    title: 'Anmelden',
    about:
      'Diese Konsole ist für die, die den Server betreiben. Der Schlüssel bleibt in diesem Tab und ist weg, wenn er geschlossen wird.',
    who: 'Dein Name',
    whoAbout: 'Er steht im Protokoll neben allem, was du änderst.',
    credential: 'Admin-Schlüssel',
    credentialAbout: 'Was der Server aus seinem --admin-credential-file liest.',
    enter: 'Anmelden',
    entering: 'Wird angemeldet …',
    wrong: 'Das ist nicht der Admin-Schlüssel dieses Servers.',
    absent: 'Dieser Server hat keinen Admin-Schlüssel: Er muss mit --admin-credential-file gestartet werden.',
    tooMany: 'Zu viele Anfragen von hier. Warte ein wenig und versuche es noch einmal.',
  },

  rule: {
    all: 'alle Geräte',
    some: (clause) => `Geräte ${clause}`,
    shareOfAll: (percent) => `${share(percent)} aller Geräte`,
    shareOf: (percent, clause) => `${share(percent)} der Geräte ${clause}`,
    app: (range) => `mit einer App der Version ${range}`,
    platform: (names) => `auf ${ors.format(names)}`,
    country: (names) => `in ${ors.format(names)}`,
    language: (names) => `mit der Sprache ${ors.format(names)}`,
    capabilities: (names) => `mit ${list(names)}`,
    since: (day) => `gekommen am ${day} oder danach`,
    before: (day) => `gekommen vor dem ${day}`,
    bucket: (from, to, salt) => `von ${from} bis unter ${share(to)} nach „${salt}“`,
    devices: (ids) =>
      ids.length === 1 ? `mit der Kennung ${ids[0]}` : `mit einer von ${number(ids.length)} Kennungen`,
    everyone: 'von allen',
    both: (clauses) => list(clauses),
    either: (clauses) => ors.format(clauses),
    not: (clause) => `nicht ${clause}`,
  },

  release: {
    goesTo: (whom) => `Geht an ${whom}.`,
    willGoTo: (whom, when) => `Geht ab ${when} an ${whom}.`,
    wentTo: (whom) => `Ging an ${whom}.`,
    stages: 'Noch geplant',
    stage: (percent, when) => `${share(percent)} ab ${when}`,
    until: (when) => `Endet von selbst am ${when}.`,
    paused: (when) => `Angehalten seit ${when}: Wer es hat, behält es, sonst bekommt es niemand.`,
    revoked: (when) => `Zurückgenommen am ${when}.`,
    ended: (when) => `Von selbst beendet am ${when}.`,
    reaches: (reaches, devices, hit) =>
      `Erreicht ${number(reaches)} von ${count(devices, { one: 'bekannten Gerät', other: 'bekannten Geräten' })}; die Regel trifft ${number(hit)}`,
    state: {
      running: 'läuft',
      planned: 'geplant',
      paused: 'angehalten',
      revoked: 'zurückgenommen',
      ended: 'beendet',
    },
    number: (id) => `Freigabe ${number(id)}`,
    known: (devices) => count(devices, known),
    noneYet: 'Noch ist nichts freigegeben.',
    over: (n) => `${count(n, { one: 'Freigabe, die vorbei ist', other: 'Freigaben, die vorbei sind' })}`,
    add: 'Eine Version freigeben',
    pause: 'Anhalten',
    resume: 'Fortsetzen',
    widen: 'Ausweiten',
    rollBack: (version) => `v${version} zurücknehmen`,
    ofRelease: (task, id) => `von ${task}, Freigabe ${number(id)}`,
    killed: (task) =>
      `${task} ist abgeschaltet: Kein Gerät hat eine Version davon, was immer freigegeben ist.`,
    revive: 'Wieder einschalten',
  },

  ask: {
    reach: (reaches, devices) =>
      `Würde ${number(reaches)} von ${count(devices, { one: 'bekannten Gerät', other: 'bekannten Geräten' })} erreichen.`,
    later: (reaches, devices, when) => `Bis ${when}: ${number(reaches)} von ${number(devices)}.`,
    move: (task, from, to, devices) =>
      `${task}: ${version(from)} → ${version(to)} auf ${count(devices, onDevices)}`,
    arm: (arm, devices) => `${arm}: ${count(devices, device)}`,
    why: 'Warum?',
    whyAbout: 'Das steht für immer im Protokoll.',
    working: 'Wird gemacht …',
    done: (n) => `Erledigt. Das ist Zeile ${number(n)} des Protokolls.`,
    noted: 'Erledigt.',
    rollBack: {
      title: (task, version) => `${task} v${version} zurücknehmen?`,
      about: (id) =>
        `Freigabe ${number(id)} endet für immer. Beim nächsten Kontakt gehen ihre Geräte zu dem zurück, was sie ohne sie haben.`,
      yes: (version) => `v${version} zurücknehmen`,
      why: 'In der Konsole zurückgenommen',
    },
    pause: {
      title: (task, version) => `Die Freigabe von ${task} v${version} anhalten?`,
      about: 'Wer es hat, behält es, sonst bekommt es niemand, bis sie fortgesetzt wird.',
      yes: 'Anhalten',
    },
    resume: {
      title: (task, version) => `Die Freigabe von ${task} v${version} fortsetzen?`,
      about: 'Was noch geplant war, kommt um so viel später, wie sie angehalten war.',
      yes: 'Fortsetzen',
    },
    widen: {
      title: (task, version) => `Die Freigabe von ${task} v${version} ausweiten?`,
      yes: 'Ausweiten',
    },
    add: {
      title: (task, version) => `${task} v${version} freigeben?`,
      yes: 'Freigeben',
    },
    kill: {
      title: (task) => `${task} abschalten?`,
      about:
        'Beim nächsten Kontakt legen alle Geräte jede Version davon ab, was immer freigegeben ist, bis es wieder eingeschaltet wird.',
      yes: 'Überall abschalten',
    },
    revive: {
      title: (task) => `${task} wieder einschalten?`,
      about: 'Die Freigaben gelten weiter, wie sie sind.',
      yes: 'Einschalten',
    },
    approve: {
      title: (task, version) => `${task} v${version} genehmigen?`,
      about: 'Es wird mit dem Schlüssel der Genehmigenden unterschrieben und darf dann freigegeben werden.',
      yes: 'Genehmigen',
    },
    withdraw: {
      title: (task, version) => `Die Genehmigung von ${task} v${version} zurückziehen?`,
      about: 'Es darf nicht mehr freigegeben werden, und kein Gerät lädt es neu.',
      yes: 'Zurückziehen',
    },
    restore: {
      title: (task, version) => `${task} v${version} wiederherstellen?`,
      about: 'Die Dateien werden die nächste Version, die genehmigt und freigegeben wird wie jede andere.',
      yes: 'Wiederherstellen',
    },
    begin: { title: (task) => `Einen Versuch mit ${task} beginnen?`, yes: 'Beginnen' },
    end: {
      title: (id) => `Versuch ${number(id)} beenden?`,
      about: 'Seine Geräte gehen zu dem zurück, was sie ohne ihn haben. Seine Zahlen bleiben.',
      yes: 'Beenden',
    },
  },

  form: {
    task: 'Aufgabe',
    version: 'Version',
    noneApproved: 'Keine Version ist genehmigt. Genehmige erst eine, in ihrer Geschichte.',
    rule: 'Welche Geräte',
    everyone: 'Alle',
    byRule: 'Nach einer Regel',
    ruleText: 'Regel, als JSON',
    ruleAbout: 'Ihre Teile stehen in docs/tasks.md.',
    notJson: 'Das ist kein JSON.',
    stages: 'Anteil davon',
    percent: (n) => `Prozent, Stufe ${number(n)}`,
    from: (n) => `Ab, Stufe ${number(n)}`,
    fromAbout: 'Ohne Zeitpunkt: ab jetzt.',
    moreStages: 'Noch eine Stufe',
    fewerStages: 'Die letzte Stufe weglassen',
    until: 'Endet von selbst (kann leer bleiben)',
    try: 'Zeigen, was das täte',
    arms: 'Arme',
    armName: (n) => `Name von Arm ${number(n)}`,
    armVersion: (n) => `Version von Arm ${number(n)}`,
    armPercent: (n) => `Prozent von Arm ${number(n)}`,
    asWithout: 'wie ohne',
    moreArms: 'Noch ein Arm',
    fewerArms: 'Den letzten Arm weglassen',
    holdout: 'Zurückgehalten, Prozent',
    seed: 'Startwert',
    seedAbout: 'Wer in welchem Arm ist, folgt aus ihm und dem Gerät allein.',
    begins: 'Beginnt (kann leer bleiben: jetzt)',
  },

  tasks: {
    noneYet: 'Noch wurde keine Aufgabe eingereicht: kindred task submit oder POST /api/admin/tasks.',
    newest: (version, when) => `Neueste: v${version}, ${when}`,
    approved: (versions) => `Genehmigt: ${versions.length ? list(versions) : 'keine'}`,
    released: (versions) => `Freigegeben: ${versions.length ? list(versions) : 'keine'}`,
    approvedUntil: (when) => `Was genehmigt ist, gilt bis ${when}; jede neue Genehmigung erneuert alle.`,
    history: 'Geschichte',
    historyOf: (task) => `${task}: Geschichte`,
    noTask: (task) => `Eine Aufgabe ${task} gibt es nicht.`,
    isApproved: 'genehmigt',
    notApproved: 'nicht genehmigt',
    isReleased: 'freigegeben',
    isKilled: 'abgeschaltet',
    restores: (version) => `die Dateien von v${version}`,
    approve: 'Genehmigen',
    withdraw: 'Genehmigung zurückziehen',
    restore: 'Wiederherstellen',
    release: 'Freigeben',
    compare: (version) => `Mit v${version} vergleichen`,
    ofVersion: (version) => `v${version}`,
    compareAny: 'Zwei Versionen vergleichen',
    older: 'Von',
    newer: 'Bis',
    show: 'Den Unterschied zeigen',
    killSwitch: 'Notschalter',
    killAbout: 'Nimmt die Aufgabe beim nächsten Kontakt von allen Geräten, was immer freigegeben ist.',
    killedNow: 'Er ist gezogen: Kein Gerät hat diese Aufgabe.',
    kill: 'Diese Aufgabe abschalten',
  },

  diff: {
    title: (task, older, newer) => `${task}: v${older} → v${newer}`,
    back: (task) => `Geschichte von ${task}`,
    manifest: 'Manifest',
    script: 'Skript',
    model: 'Anfangsmodell',
    path: 'Wo',
    before: 'Vorher',
    after: 'Nachher',
    same: 'Dasselbe.',
    models: {
      same: 'Dasselbe.',
      added: 'Es gab keines; jetzt gibt es eines.',
      removed: 'Es gibt keines mehr.',
      changed: 'Ein anderes.',
    },
    added: 'neu',
    removed: 'weg',
  },

  devices: {
    about: (devices) =>
      `Was ${count(devices, { one: 'dem bekannten Gerät', other: 'bekannten Geräten' })} gegeben wurde, als sie zuletzt fragten.`,
    noneYet: 'Noch hat kein Gerät nach Aufgaben gefragt.',
    version: 'Version',
    devices: 'Geräte',
    none: 'keine',
    of: (devices, percent) => `${number(devices)} (${percent})`,
  },

  experiments: {
    noneYet: 'Noch gibt es keinen Versuch.',
    add: 'Einen Versuch beginnen',
    title: (id, task) => `Versuch ${number(id)} mit ${task}`,
    with: (whom) => `Teilnehmer: ${whom}.`,
    running: (since) => `Läuft seit ${since}.`,
    planned: (from) => `Beginnt am ${from}.`,
    ended: (from, to) => `Lief von ${from} bis ${to}.`,
    until: (when) => `Endet von selbst am ${when}.`,
    arm: (name, version, percent) =>
      `${name}: ${share(percent)}, ${version === null ? 'wie ohne den Versuch' : `v${version}`}`,
    end: 'Beenden',
    figures: 'Zahlen',
    none: (id) => `Einen Versuch ${number(id)} gibt es nicht.`,
    noFigures: 'Noch hat niemand darin etwas gesehen.',
    baseline: (arm) =>
      `Verglichen mit ${arm}, über alle Tage. Die Intervalle sind 95-%-Intervalle über Nutzer.`,
    mixed: (users) =>
      `${count(users, { one: 'Nutzer, dessen Geräte in zwei Armen sind, zählt', other: 'Nutzer, deren Geräte in zwei Armen sind, zählen' })} in keinem.`,
    total: 'Insgesamt',
    perDay: 'Tag für Tag',
    users: 'Nutzer (exp UV)',
    exposures: 'Einblendungen (exp PV)',
    clicks: 'Klicks (clk PV)',
    clickers: 'Nutzer mit Klick (clk UV)',
    metric: {
      ctr: 'Klickrate: clk PV / exp PV',
      clicksPerUser: 'Klicks je Nutzer: clk PV / exp UV',
      clickerShare: 'Nutzer mit Klick: clk UV / exp UV',
    },
    against: (percent) => `${percent} gegen den Vergleich`,
    summary: (n, arms) =>
      `${count(arms, { one: 'Arm', other: 'Arme' })} über ${count(n, days)}; die Striche sind 95-%-Intervalle.`,
    numbers: 'Die Zahlen dazu',
    day: 'Tag',
    arms: 'Arm',
    value: 'Wert',
    interval: '95-%-Intervall',
  },

  health: {
    noneYet: 'Noch hat kein Gerät von einem Lauf erzählt.',
    notThere: 'Dieser Server zählt keine Läufe.',
    about: (n) =>
      `Läufe von Aufgaben, von denen der Server ${n === 1 ? 'am letzten Tag' : `in den letzten ${number(n)} Tagen`} gehört hat.`,
    runs: (runs) => count(runs, { one: 'Lauf', other: 'Läufe' }),
    outcomes: {
      done: 'fertig',
      refused: 'wollte, was nicht erlaubt ist',
      failed: 'gescheitert',
      late: 'zu spät',
      stopped: 'angehalten',
    },
    failures: 'Fehler nach Art',
    kind: 'Art',
    noFailures: 'Keiner ist gescheitert.',
    time: 'Zeit eines Laufs, Sekunden',
    bytes: 'Bytes eines Laufs, kB',
    failed: 'Gescheiterte Läufe, Prozent',
    median: 'Median',
    p95: '95 von 100 darunter',
    share: 'Anteil',
    summary: (n) =>
      `Median je Tag über ${count(n, days)}; die Striche reichen bis dahin, worunter 95 von 100 Läufen bleiben.`,
    shareSummary: (n) => `Von den Läufen des Tages, die nicht angehalten wurden, über ${count(n, days)}.`,
    alarm: (version, failed, before, against) =>
      `v${version} scheitert öfter als v${against}: ${failed} der Läufe, gegen ${before}.`,
    version: 'Version',
  },

  ledger: {
    about: 'Wer was wann und warum geändert hat. Hier kann nichts geändert oder entfernt werden.',
    noneYet: 'Noch wurde nichts geändert.',
    older: 'Ältere',
    newest: 'Neueste',
    change: {
      release: (task, version, whom) => `${task} v${version} freigegeben für ${whom}`,
      stages: (id, stages) => `Freigabe ${number(id)} neu geplant: ${list(stages)}`,
      pause: (id) => `Freigabe ${number(id)} angehalten`,
      resume: (id) => `Freigabe ${number(id)} fortgesetzt`,
      revoke: (id) => `Freigabe ${number(id)} zurückgenommen`,
      kill: (task) => `${task} abgeschaltet`,
      revive: (task) => `${task} wieder eingeschaltet`,
      approve: (task, version) => `${task} v${version} genehmigt`,
      withdraw: (task, version) => `Genehmigung von ${task} v${version} zurückgezogen`,
      experiment: (task, arms) => `Versuch mit ${task} begonnen: ${arms.join('; ')}`,
      end: (id) => `Versuch ${number(id)} beendet`,
    },
  },
}
