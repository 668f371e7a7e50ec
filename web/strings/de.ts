/** Everything that the page says, in German. */
import type { Strings } from './en.ts'
import { createGrammar, type Forms } from './grammar.ts'

const { count, form, list, number, percent } = createGrammar('de')

/** The catalogue's nouns that German knows: counted, and `this`, as in “you opened this film”. */
const nouns: Record<string, Forms & { this: string }> = {
  story: { one: 'Geschichte', other: 'Geschichten', this: 'diese Geschichte' },
  film: { one: 'Film', other: 'Filme', this: 'diesen Film' },
  movie: { one: 'Film', other: 'Filme', this: 'diesen Film' },
  article: { one: 'Artikel', other: 'Artikel', this: 'diesen Artikel' },
  book: { one: 'Buch', other: 'Bücher', this: 'dieses Buch' },
  song: { one: 'Lied', other: 'Lieder', this: 'dieses Lied' },
  video: { one: 'Video', other: 'Videos', this: 'dieses Video' },
  product: { one: 'Produkt', other: 'Produkte', this: 'dieses Produkt' },
  recipe: { one: 'Rezept', other: 'Rezepte', this: 'dieses Rezept' },
  post: { one: 'Beitrag', other: 'Beiträge', this: 'diesen Beitrag' },
  game: { one: 'Spiel', other: 'Spiele', this: 'dieses Spiel' },
}
const other = { one: 'Eintrag', other: 'Einträge', this: 'diesen Eintrag' }
const called = (noun: string) => nouns[noun.toLowerCase()] ?? other

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const samples = { one: 'Beispiel', other: 'Beispiele' }
const models = { one: 'Modell', other: 'Modelle' }
const events = { one: 'Ereignis', other: 'Ereignisse' }
/** In the dative: “nach 3 Mini-Batches”. */
const steps = { one: 'Mini-Batch', other: 'Mini-Batches' }
const recordOf = (rounds: number) =>
  `die Aufzeichnung von ${count(rounds, { one: 'Runde', other: 'Runden' })}`

export const de: Strings = {
  app: {
    name: 'Kindred',
    skip: 'Zum Inhalt springen',
    views: 'Ansichten',
    feed: 'Feed',
    myModel: 'Mein Modell',
    settings: 'Einstellungen',
    loading: 'Wird geladen …',
    notLoaded: 'Dieser Teil der App konnte nicht geladen werden.',
    reload: 'Neu laden',
    reloadPage: 'Seite neu laden',
    again: 'Noch einmal versuchen',
    cancel: 'Abbrechen',
    newVersion: 'Eine neue Version ist da.',
    change: (before, after) => `${before} → ${after}`,
  },

  live: {
    starting: 'startet …',
    learning: 'lernt …',
    offline: 'offline',
    own: 'dein Modell sortiert',
    delivered: 'gemeinsames Modell sortiert',
    preparing: 'wird vorbereitet …',
  },

  run: {
    fetching: 'Beispiele von Menschen mit ähnlichem Geschmack werden geholt …',
    filtering: 'Die Beispiele, die deinen gleichen, werden ausgesucht …',
    training: 'Dein Modell wird trainiert …',
    committing: 'Das Ergebnis wird geprüft und gespeichert …',
  },

  waiting: {
    nothing: 'Die nächste Runde kann beginnen.',
    clicks: (missing, noun) =>
      `Öffne noch ${number(missing)} ${form(missing, called(noun))}, dann kann dein eigenes Modell trainiert werden.`,
    contrast: 'Geh auch an manchem vorbei, ohne es zu öffnen: Auch daraus lernt dein Modell.',
    task: 'Das erste Modell muss noch vom Server kommen.',
    network: 'Das Training wartet, bis der Server erreichbar ist.',
    tomorrow: 'Für heute ist das Training fertig; die nächste Runde ist morgen.',
    paused: 'Das Lernen ist ausgeschaltet; dein Modell bleibt, wie es ist.',
    battery: 'Der Akku ist schwach: Das Training wartet, bis er geladen ist.',
    'data-saver':
      'Dein Browser spart Daten: Das Training wartet auf eine Verbindung, bei der das nicht nötig ist.',
    hidden: 'Das Training wartet, bis du diese Seite ansiehst oder das Gerät am Strom hängt.',
  },

  feed: {
    rerankedByOwn: 'Ein auf diesem Gerät trainiertes Modell hat deinen Feed neu sortiert',
    rerankedByDelivered: 'Das gelieferte Modell hat deinen Feed neu sortiert',
    servedByOwn: (version) => `Auf diesem Gerät von deinem eigenen Modell sortiert, Version ${version}`,
    servedByDelivered: (version) => `Auf diesem Gerät vom gemeinsamen Modell sortiert, Version ${version}`,
    others: 'Zeig mir andere',
    firstModel: 'Dein erstes Modell ist unterwegs zu diesem Gerät.',
    ranking: 'Dein Feed wird sortiert …',
    stranded: 'Du bist offline, und hier ist noch nichts gespeichert',
    strandedMore: 'Verbinde dich ein einziges Mal; danach geht der Feed auch offline.',
  },

  card: {
    topics: 'Themen',
    opened: 'Geöffnet',
    learns: (noun) =>
      `Du hast ${called(noun).this} geöffnet. Dein Modell lernt aus dem, was du öffnest und was du übergehst.`,
    placed: (place, of, noun, chance) =>
      `Platz ${number(place)} von ${number(of)} (${called(noun).other}): Das Modell gab dem eine Chance von ${percent(chance)}, von dir geöffnet zu werden.`,
    more: 'Warum es hier steht, und was ihm ähnelt',
    unnamed: (noun, key) => `${called(noun).one} ${key}`,
  },

  why: {
    click: (title) => `Wegen „${title}“`,
    category: (name) => `Du öffnest oft ${name}`,
  },

  item: {
    title: 'Eintrag',
    back: 'Zurück zum Feed',
    gone: 'Das steht nicht in dem Katalog, den das Gerät jetzt hat.',
    open: (noun) => `${capital(called(noun).this)} öffnen`,
    opened: 'Geöffnet: Dein Modell lernt daraus.',
    why: 'Warum es hier steht',
    noWhy: 'Nichts für sich hat es merklich nach oben gebracht.',
    chance: 'Chance, dass du es öffnest',
    chanceM0: 'Nach dem gelieferten Modell',
    place: 'Platz in deinem Feed',
    placeM0: 'Platz nach dem gelieferten Modell',
    ordinal: (n) => `${number(n)}.`,
    sameModel: 'Das gelieferte Modell sortiert deinen Feed, also gibt es noch nichts zu vergleichen.',
    attention: 'Worauf dein Modell schaut',
    attentionAbout: (noun) =>
      `Was du zuletzt geöffnet hast, und wie es die Chance verändert, dass du eher ${called(noun).this} öffnest als anderes: Das Modell wurde noch einmal gefragt, als hättest du es nie getan. Aufmerksamkeit ist, wie viel davon das Modell aufnimmt.`,
    attentionNone: 'Du hast zuletzt nichts geöffnet, worauf das Modell schauen könnte.',
    opening: (noun) => `Geöffnet: ${called(noun).one}`,
    effect: 'Änderung der Chance',
    weight: (value) => `Aufmerksamkeit ${value}`,
    similar: 'Ähnliches',
    others: 'Vielleicht auch für dich',
    ranked: 'Auf diesem Gerät für dich sortiert.',
  },

  myModel: {
    now: 'Jetzt',
    starting: 'Der Geräte-Worker startet …',
    own: (version) => `Ein auf diesem Gerät trainiertes Modell sortiert deinen Feed (Version ${version}).`,
    delivered: 'Das gemeinsame Modell sortiert deinen Feed; deines wird von ihm ausgehen.',
    onItsWay: 'Das erste Modell ist unterwegs zu diesem Gerät.',
    noneOffline: 'Du bist offline, und hier ist noch kein Modell gespeichert.',
    train: 'Jetzt trainieren',
    rollback: 'Zurück zum gelieferten Modell',
    order: 'Wie sich dein Feed verändert hat',
    orderAbout: (moved, of) =>
      `${number(moved)} von den ersten ${number(of)} ${form(moved, { one: 'stand', other: 'standen' })} nach dem gelieferten Modell nicht unter den ersten ${number(of)}.`,
    was: (place) => `vorher ${number(place)}.`,
    stayed: 'wie vorher',
    placeDelivered: 'Nach dem gelieferten Modell',
    placeNow: 'Nach deinem Modell',
    costs: 'Was die letzten Runden gekostet haben',
    round: 'Runde',
    time: 'Zeit',
    download: 'Geladen',
    memory: 'Speicher',
    costsAbout: (rounds, time, bytes) =>
      `${count(rounds, { one: 'Runde', other: 'Runden' })}: zusammen ${time} und ${bytes}. Speicher ist, was die Rechen-Engine höchstens hielt, soweit sie es sagen kann.`,
  },

  round: {
    last: 'Letzte Runde',
    earlier: 'Frühere Runden',
    better: 'Dein Modell ist besser geworden und sortiert jetzt deinen Feed.',
    unjudged: 'Dein Modell hat aus deinen Beispielen gelernt und sortiert jetzt deinen Feed.',
    kept: 'Das Training hat dein Modell nicht übertroffen; es blieb, wie es war.',
    chosen: 'Beispiele wurden ausgesucht; zum Trainieren sind es noch zu wenige.',
    tooFew: 'Zum Trainieren gibt es noch zu wenige Beispiele.',
    failed: 'Die Runde brach ab.',
    failedBy: (why) => `Die Runde brach ab: ${why}`,
    short: {
      committed: 'ein besseres Modell',
      kept: 'nicht besser',
      filtered: 'nur Beispiele ausgesucht',
      failed: 'durch einen Fehler abgebrochen',
    },
    facts: (when, took, engine, size) => `${when} · ${took} mit ${engine} · ${size} geladen`,
    resumed: (n) =>
      `Die Runde setzte ein Training fort, das nach ${count(n, steps)} unterbrochen worden war.`,
    fellBack: (m0, m) =>
      `Davor trat das gelieferte Modell an die Stelle von deinem: An deinen neuesten Beispielen war es das bessere (${m0} zu ${m}).`,
    refit: (n) =>
      `Danach lernte es noch einmal neu, auch aus den Beispielen, an denen es gemessen worden war: die letzten ${count(n, steps)}. Woran man das messen könnte, ist nicht mehr da.`,
    quality: 'Güte vorher → nachher',
    logLoss: 'Log-Loss vorher → nachher',
    keptOfScored: 'Behaltene von bewerteten Beispielen',
    received: 'Geliehene Beispiele erhalten',
    classifying: 'davon für das Training des Klassifikators',
    own: 'Eigene Beispiele, Training + Prüfung',
    steps: 'Mini-Batches, behalten von gerechnet',
    auc: 'Güte ist die AUC an deinen eigenen neuesten Beispielen: wie oft etwas, das du geöffnet hast, vor etwas steht, das du übergangen hast. 0,5 ist Zufall, 1 ist immer.',
    of: (part, whole) => `${number(part)} von ${number(whole)}`,
    unscored: (kept) => `${number(kept)}, unbewertet`,
    inShort: (kept, took) => `behalten: ${kept} · ${took}`,
    inShortJudged: (quality, kept, took) => `Güte ${quality} · behalten: ${kept} · ${took}`,
  },

  plots: {
    loss: 'Trainingsverlust',
    lossSummary: (first, last, n) =>
      `Von ${first} im ersten Mini-Batch auf ${last} im letzten von ${number(n)}.`,
    steps: (n) => count(n, steps),
    scores: 'Bewertung der geliehenen Beispiele',
    scoresSummary: (scored, kept, sigma) =>
      `${count(scored, samples)}, bewertet zwischen 0 (anders als deine) und 1 (wie deine); ${number(kept)} ${form(kept, { one: 'erreichte', other: 'erreichten' })} die Schwelle σ = ${sigma} und ${form(kept, { one: 'wurde', other: 'wurden' })} behalten.`,
    unlike: '0 anders als deine',
    like: 'wie deine 1',
    quality: 'Güte, während es lernte',
    qualitySummary: (first, last, best, n) =>
      `AUC auf deinen neuesten Beispielen: ${first} vorher, ${last} nach ${count(n, steps)}; am besten war ${best}.`,
    logLoss: 'Log-Loss, während es lernte',
    logLossSummary: (first, last, best, n) =>
      `Auf deinen neuesten Beispielen, kleiner ist besser: ${first} vorher, ${last} nach ${count(n, steps)}; am besten war ${best}.`,
    differences: 'Deine Beispiele und die geliehenen',
    differencesAbout: 'Worin sie sich am meisten unterschieden, bevor der Klassifikator auswählte.',
    what: 'Was',
    yours: 'Deine',
    borrowed: 'Geliehene',
    measure: {
      clicked: () => 'geöffnet, wenn gezeigt',
      shown: (name) => `${name} gezeigt`,
      opened: (name) => `${name} zuvor geöffnet`,
      affinity: () => 'von einer Art, die zuvor geöffnet wurde',
      value: (name) => name,
    },
    percent,
  },

  stored: {
    title: 'Auf diesem Gerät gespeichert',
    own: 'Eigene Beispiele',
    opened: 'davon geöffnet',
    borrowed: 'Geliehene Beispiele, noch nicht bewertet',
    borrowedKept: 'Geliehene Beispiele, behalten',
    waiting: 'Ereignisse, noch nicht gesendet',
    delivered: 'Ereignisse, gesendet',
    about: 'Geliehene Beispiele kommen von Menschen mit ähnlichem Geschmack, ohne jeden Namen.',
    kinds: {
      artifacts: 'Modelle und Katalog',
      samples: 'Geliehene Beispiele',
      rows: 'Zeilen großer Tabellen',
      events: 'Ereignisse',
      other: 'Alles andere',
    },
    kind: 'Datenverkehr',
    down: 'Geladen',
    up: 'Gesendet',
    total: 'Zusammen',
    using: (size, models) => `Kindred belegt ${size} auf diesem Gerät; seine Modelle ${models}.`,
    tasks: (names) => `Was hier lernt und sortiert, geprüft und signiert: ${list(names)}.`,
    noTasks: 'Noch ist nichts vom Server gekommen, was lernt.',
    trial: 'Dieses Gerät nimmt an einem Versuch teil, in dem Fassungen verglichen werden.',
    models: 'Modelle',
    noModels: 'Noch keine.',
    slots: { M: 'In Gebrauch', M0: 'Wie geliefert', Mbuf: 'Im Training' },
    ranks: 'sortiert jetzt',
    modelFacts: (version, hash, size, when) => `Version ${version} · ${hash} · ${size} · ${when}`,
  },

  samples: {
    title: 'Deine Beispiele',
    about:
      'Daraus lernt dein Modell. Löschst du ein eigenes Beispiel, gehen auch die Ereignisse, aus denen es entstand; was der Server schon hat, bleibt dort, bis du „Alles vergessen“ sagst.',
    which: 'Welche Beispiele',
    own: (n) => `Deine eigenen (${number(n)})`,
    borrowed: (n) => `Geliehene (${number(n)})`,
    none: 'Keine auf diesem Gerät.',
    notNamed: 'Nicht genannt, zum Schutz der anderen',
    more: 'Mehr zeigen',
    opened: 'geöffnet',
    passed: 'übergangen',
    erase: 'Löschen',
    eraseOf: (title) => `Löschen: das Beispiel zu ${title}`,
    use: {
      validation: 'prüft dein Modell',
      training: 'trainiert dein Modell',
      none: 'geht demnächst',
      unscored: 'wartet auf Bewertung',
      classifying: 'trainiert den Klassifikator',
      filtered: 'behalten, wie es kam',
    },
    likeYours: (score) => `wie deine: ${score}`,
    nothing: 'noch nichts',
    andMore: (values, more) => `${values} und ${number(more)} weitere`,
  },

  settings: {
    language: 'Sprache',
    system: 'System',
    notSpoken: 'Diese Sprache konnte nicht geladen werden. Versuche es noch einmal, wenn du online bist.',
    look: 'Aussehen',
    looks: { system: 'System', light: 'Hell', dark: 'Dunkel' },
    learning: 'Lernen',
    learn: 'Von selbst lernen, wenn es etwas Neues gibt',
    learnMore:
      'Trainiert wird ein paar Sekunden lang, wenn sonst nichts das Gerät braucht, und nie bei schwachem Akku oder einer Verbindung, die Daten spart. „Jetzt trainieren“ in „Mein Modell“ geht so oder so.',
    storage: 'Auf diesem Gerät aufbewahrt',
    keptSafe: 'Dein Browser hat zugesagt, was Kindred gelernt hat, aufzubewahren, bis du es löschst.',
    keptMaybe:
      'Dein Browser darf löschen, was Kindred gelernt hat, wenn auf dem Gerät der Platz knapp wird. Installierst du die App oder kommst du oft, dann behält er es.',
    keptNotAsked:
      'Sobald es ein eigenes Modell von dir gibt, wird dein Browser gebeten, das Gelernte aufzubewahren.',
    askToKeep: 'Darum bitten',
    using: (size) => `Kindred belegt hier ${size}.`,
    usingOf: (size, quota) => `Kindred belegt hier ${size} von ${quota}, die es haben könnte.`,
    about: 'Über Kindred',
    aboutText:
      'Kindred sortiert seinen Feed mit einem Modell, das auf deinem eigenen Gerät trainiert wird. Das Modell verlässt es nie.',
    version: 'Version der App',
    model: 'Modell',
    modelOf: (task, version) => `${task}, Version ${version}`,
    catalogue: 'Katalog',
    catalogueOf: (name, items, noun) => `${name}, ${count(items, called(noun))}`,
    engine: 'Rechnet mit',
    none: 'noch keines',
    licence: 'Lizenz',
    licences: 'Lizenzen der enthaltenen Software',
  },

  sharing: {
    title: 'Was andere von dir lernen',
    share: 'Andere mit ähnlichem Geschmack dürfen aus meinen Beispielen lernen (ohne meinen Namen)',
    about:
      'Ein Beispiel sagt, was gezeigt wurde, ob es geöffnet wurde, was in den Tagen davor sonst geöffnet wurde, und den Tag. Es geht an höchstens einige Hundert Geräte von Menschen mit einem Geschmack wie deinem; wer einiges von dem kennt, was du öffnest, könnte dich darin erkennen. Ist das ausgeschaltet, gibt der Server keine von deinen mehr heraus, und woraus er als Nächstes lernt, enthält keine von deinen. Was andere schon erhalten haben, bleibt bei ihnen, bis es aufgebraucht ist. Geliehene Beispiele bekommst du so oder so.',
    untold: 'Der Server muss es noch erfahren, sobald er erreichbar ist.',
  },

  takeout: {
    title: 'Nimm es mit',
    about:
      'Deine Beispiele, deine Modelle und die Aufzeichnung deiner Runden in einer Datei: zum Hineinsehen, zum Aufheben oder um in einem anderen Browser weiterzumachen. Wer die Datei hat, kann hier du sein; behalte sie also für dich.',
    save: 'In einer Datei speichern',
    bring: 'Eine Datei einlesen',
    file: 'Die Datei zum Einlesen',
    steps: {
      none: '',
      taking: 'Die Datei wird geschrieben …',
      taken: 'Die Datei liegt bei deinen Downloads.',
      bringing: 'Die Datei wird geprüft und eingelesen …',
      brought: 'Dieses Gerät enthält jetzt, was in der Datei stand.',
    },
    ask: (name) => `${name} einlesen?`,
    replaces: 'Das ersetzt alles, was Kindred auf diesem Gerät hat.',
    replace: 'Ersetzen',
  },

  forget: {
    title: 'Vergiss mich',
    about:
      'Löscht, was Kindred auf diesem Gerät und auf dem Server von dir weiß. Der Feed beginnt von vorn; Sprache und Aussehen bleiben, wie du sie gewählt hast.',
    everything: 'Alles vergessen',
    erasing: 'Wird gelöscht …',
    ask: 'Alles vergessen?',
    held: (unsent, held, kept, rounds) =>
      `Auf diesem Gerät sind jetzt ${list([
        count(unsent, { one: 'nicht gesendetes Ereignis', other: 'nicht gesendete Ereignisse' }),
        count(held, samples),
        count(kept, models),
        recordOf(rounds),
      ])}. Das alles geht, und auch alles, was der Server von diesem Gerät hat.`,
    noUndo: 'Das lässt sich nicht rückgängig machen.',
    yes: 'Ja, alles vergessen',
    here: (seen, held, kept, rounds) =>
      `Hier entfernt: ${list([count(seen, events), count(held, samples), count(kept, models), recordOf(rounds)])}.`,
    server: (seen, held, matches) =>
      `Auf dem Server entfernt: ${list([
        count(seen, events),
        count(held, samples),
        `${count(matches, { one: 'Zuordnung', other: 'Zuordnungen' })} dazu`,
      ])}.`,
    owed: 'Der Server war noch nicht erreichbar: Das ist das Erste, was er erfährt, sobald er es ist.',
    nothing: 'Der Server hatte nichts von diesem Gerät.',
  },

  install: {
    short: 'Installieren',
    title: 'Auf deinem Startbildschirm',
    about:
      'Installiert öffnet sich Kindred wie jede App, geht offline, und dein Browser behält, was gelernt wurde.',
    install: 'Kindred installieren',
    byHand: {
      'safari-ios':
        'Tippe in Safari auf „Teilen“, dann auf „Zum Home-Bildschirm“. Sonst löscht Safari nach sieben Tagen ohne Besuch, was Kindred gelernt hat.',
      'other-ios':
        'Öffne in deinem Browser das Menü „Teilen“ und tippe auf „Zum Home-Bildschirm“. Installiert hat Kindred einen eigenen Speicher: Was es hier gelernt hat, kommt als Datei dorthin („Nimm es mit“, weiter unten).',
      'firefox-android': 'Öffne das Menü von Firefox und tippe auf „App zum Startbildschirm hinzufügen“.',
      'safari-mac':
        'Wähle in Safari „Ablage“, dann „Zum Dock hinzufügen“. Sonst löscht Safari nach sieben Tagen ohne Besuch, was Kindred gelernt hat.',
    },
    installed: 'Kindred ist auf diesem Gerät installiert.',
    none: 'Dein Browser bietet jetzt nicht an, diese Seite zu installieren. Vielleicht steht in seinem Menü „Installieren“ oder „Zum Startbildschirm hinzufügen“.',
  },

  badge: {
    title: 'Eine Marke am Symbol',
    mark: 'Das Symbol der App markieren, wenn mein Modell besser geworden ist',
    about:
      'Nur wenn es geschah, während du nicht hingesehen hast, und nur bis du Kindred öffnest. Sonst meldet sich nichts.',
    refused: 'Dein Browser erlaubt Kindred nicht, sein Symbol zu markieren.',
  },

  browser: {
    cannot: 'Dein Browser kann Kindred hier nicht ausführen',
    why: 'Der Feed wird in deinem Browser sortiert und das Modell dort trainiert, auf deinem eigenen Gerät. Dafür fehlt ihm:',
    newer: 'Ein aktueller Chrome, Edge, Firefox oder Safari hat, was es braucht.',
    lacks: {
      workers: 'Worker, in denen gelernt wird',
      storage: 'eigener Speicher (IndexedDB); er kann abgeschaltet sein, wie in manchen privaten Fenstern',
      secure: 'eine sichere Verbindung: Die Adresse dieser Seite muss mit https beginnen',
    },
  },

  failure: {
    cancelled: 'Das wurde angehalten.',
    'bad-input': 'Etwas kam an, das nicht passt.',
    'bad-artifact': 'Eine Datei kam beschädigt an und wurde nicht verwendet.',
    diverged: 'Das Training ist entgleist; sein Ergebnis wurde verworfen.',
    engine: 'Dieser Browser konnte die Berechnung nicht ausführen.',
    offline: 'Der Server ist nicht erreichbar.',
    refused: 'Der Server hat abgelehnt.',
    unauthorised: 'Der Server kennt dieses Gerät nicht mehr.',
    storage: 'Der Speicher dieses Geräts hat versagt.',
    'not-ready': 'Auf diesem Gerät ist noch kein Modell.',
    version: 'Zwei Versionen der App sind offen; diese Seite muss neu geladen werden.',
    worker: 'Der Teil der App, der lernt, ist stehen geblieben.',
  },
}
