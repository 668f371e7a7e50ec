/** Everything that the page says, in English: the source, whose shape every other language has. */
import type { FailureCode } from '../../shared/failure.ts'
import { createGrammar, once } from './grammar.ts'

const { count, form, list, number, percent } = createGrammar('en')

/** The plural of a catalogue's noun: story → stories, film → films, watch → watches. */
export function plural(noun: string): string {
  if (/[^aeiou]y$/i.test(noun)) return `${noun.slice(0, -1)}ies`
  return /(s|x|z|ch|sh)$/i.test(noun) ? `${noun}es` : `${noun}s`
}
/** A catalogue's noun as something counted. */
const forms = (noun: string) => ({ one: noun, other: plural(noun) })
const counted = (n: number, noun: string) => count(n, forms(noun))

const ordinals = once(() => new Intl.PluralRules('en', { type: 'ordinal' }))
const suffixes: Partial<Record<Intl.LDMLPluralRule, string>> = { one: 'st', two: 'nd', few: 'rd' }
/** `1st`, `2nd`, `11th`. */
export const ordinal = (n: number): string => `${number(n)}${suffixes[ordinals().select(n)] ?? 'th'}`

export const en = {
  app: {
    name: 'Kindred',
    skip: 'Skip to the content',
    views: 'Views',
    feed: 'Feed',
    myModel: 'My model',
    settings: 'Settings',
    loading: 'Loading…',
    notLoaded: 'This part of the app could not be loaded.',
    reload: 'Reload',
    reloadPage: 'Reload the page',
    again: 'Try again',
    cancel: 'Cancel',
    newVersion: 'A new version is ready.',
    /** A figure before and after. */
    change: (before: string, after: string) => `${before} → ${after}`,
  },

  /** The few words beside the wordmark. */
  live: {
    starting: 'starting…',
    learning: 'learning…',
    offline: 'offline',
    own: 'ranked by your model',
    delivered: 'ranked by the shared model',
    preparing: 'preparing…',
  },

  /** What a round does at the moment. */
  run: {
    fetching: 'Fetching samples of people like you…',
    filtering: 'Choosing the samples that are like yours…',
    training: 'Training your model…',
    committing: 'Checking and keeping the result…',
  },

  /** What has to happen before the next round. */
  waiting: {
    nothing: 'The next round can begin.',
    clicks: (missing: number, noun: string) =>
      `Open ${number(missing)} more ${form(missing, forms(noun))} and your own model can be trained.`,
    contrast: 'Pass over some without opening them: your model learns from what you leave, too.',
    task: 'Waiting for the first model from the server.',
    network: 'Training waits until the server can be reached.',
    tomorrow: 'Today’s training is done; the next round is tomorrow.',
    paused: 'Learning is switched off; your model stays as it is.',
    battery: 'The battery is low: training waits until it is charged.',
    'data-saver': 'Your browser saves data: training waits for a connection that need not.',
    hidden: 'Training waits until you look at this page, or the device is plugged in.',
  },

  feed: {
    rerankedByOwn: 'Your feed was re-ranked by a model trained on this device',
    rerankedByDelivered: 'Your feed was re-ranked by the model that was delivered',
    servedByOwn: (version: number) => `Ranked on this device by your own model, version ${version}`,
    servedByDelivered: (version: number) => `Ranked on this device by the shared model, version ${version}`,
    others: 'Show me others',
    firstModel: 'Your first model is on its way to this device.',
    ranking: 'Ranking your feed…',
    stranded: 'You are offline, and nothing is stored here yet',
    strandedMore: 'Connect once, and the feed works offline from then on.',
  },

  card: {
    topics: 'Topics',
    opened: 'Opened',
    learns: (noun: string) =>
      `You opened this ${noun}. Your model learns from what you open and what you pass by.`,
    placed: (place: number, of: number, noun: string, chance: number) =>
      `Placed ${ordinal(place)} of ${counted(of, noun)}: the model gave it a ${percent(chance)} chance to be opened by you.`,
    more: 'Why it is here, and what is like it',
    /** Of an item without a title. */
    unnamed: (noun: string, key: string) => `${noun.charAt(0).toUpperCase()}${noun.slice(1)} ${key}`,
  },

  /** Why an item stands where it does. */
  why: {
    click: (title: string) => `Because of “${title}”`,
    category: (name: string) => `You often open ${name}`,
  },

  item: {
    title: 'Item',
    back: 'Back to the feed',
    gone: 'This is not in the catalogue that the device has now.',
    open: (noun: string) => `Open this ${noun}`,
    opened: 'Opened: your model learns from it.',
    why: 'Why it is here',
    noWhy: 'No single thing moved it up by much.',
    chance: 'Chance that you open it',
    chanceM0: 'By the delivered model',
    place: 'Place in your feed',
    placeM0: 'Place by the delivered model',
    ordinal,
    sameModel: 'The delivered model ranks your feed, so there is nothing to compare yet.',
    attention: 'What your model looks at',
    attentionAbout: (noun: string) =>
      `What you opened lately, and how it changed the odds that you open this ${noun} rather than others: the model was asked again as if you had not. Attention is how much of it the model takes in.`,
    attentionNone: 'You have not opened anything lately that the model could look at.',
    opening: (noun: string) => `Opened ${noun}`,
    effect: 'Change in the odds',
    weight: (value: string) => `attention ${value}`,
    similar: 'Like this',
    others: 'You may like as well',
    ranked: 'Ranked on this device, for you.',
  },

  myModel: {
    now: 'Now',
    starting: 'The device worker is starting…',
    own: (version: number) => `A model trained on this device ranks your feed (version ${version}).`,
    delivered: 'The shared model ranks your feed; yours will start from it.',
    onItsWay: 'The first model is on its way to this device.',
    noneOffline: 'You are offline, and no model is stored here yet.',
    train: 'Train now',
    rollback: 'Back to the delivered model',
    order: 'How your feed has changed',
    orderAbout: (moved: number, of: number, noun: string) =>
      `${number(moved)} of the first ${counted(of, noun)} ${form(moved, { one: 'was', other: 'were' })} not among the first ${number(of)} by the delivered model.`,
    was: (place: number) => `was ${ordinal(place)}`,
    stayed: 'as it was',
    placeDelivered: 'By the delivered model',
    placeNow: 'By your model',
    costs: 'What the last rounds cost',
    round: 'Round',
    time: 'Time',
    download: 'Download',
    memory: 'Memory',
    costsAbout: (rounds: number, time: string, bytes: string) =>
      `${counted(rounds, 'round')}: ${time} and ${bytes} in all. Memory is what the engine held at most, where it can tell.`,
  },

  round: {
    last: 'Last round',
    earlier: 'Earlier rounds',
    better: 'Your model got better, and now ranks your feed.',
    unjudged: 'Your model has learnt from your samples, and now ranks your feed.',
    kept: 'Training did not beat your model, so it stayed as it was.',
    chosen: 'Samples were chosen; there are not enough yet to train.',
    tooFew: 'There are not enough samples yet to train.',
    failed: 'The round stopped.',
    failedBy: (why: string) => `The round stopped: ${why}`,
    /** The same, beside others. */
    short: {
      committed: 'a better model',
      kept: 'no better',
      filtered: 'samples chosen only',
      failed: 'stopped by a failure',
    },
    facts: (when: string, took: string, engine: string, size: string) =>
      `${when} · ${took} on ${engine} · ${size} downloaded`,
    resumed: (steps: number) =>
      `It went on with a training that had been cut off after ${counted(steps, 'mini-batch')}.`,
    fellBack: (m0: string, m: string) =>
      `Before it, the delivered model took the place of yours: on your latest samples it was the better one (${m0} to ${m}).`,
    refit: (steps: number) =>
      `Then it learnt anew, from the samples too that it was judged by: the last ${counted(steps, 'mini-batch')}. Nothing is left to judge that by.`,
    quality: 'Quality before → after',
    logLoss: 'Log-loss before → after',
    keptOfScored: 'Samples kept of scored',
    received: 'Borrowed samples received',
    classifying: 'of those, trained the classifier',
    own: 'Own samples, training + validation',
    steps: 'Mini-batches kept of run',
    auc: 'Quality is the AUC on your own latest samples: how often what you opened is placed above what you passed by. 0.5 is chance, 1 is always.',
    of: (part: number, whole: number) => `${number(part)} of ${number(whole)}`,
    unscored: (kept: number) => `${number(kept)}, unscored`,
    inShort: (kept: string, took: string) => `kept ${kept} · ${took}`,
    inShortJudged: (quality: string, kept: string, took: string) =>
      `quality ${quality} · kept ${kept} · ${took}`,
  },

  plots: {
    loss: 'Training loss',
    lossSummary: (first: string, last: string, steps: number) =>
      `From ${first} in the first mini-batch to ${last} in the last of ${number(steps)}.`,
    steps: (steps: number) => counted(steps, 'mini-batch'),
    scores: 'Scores of borrowed samples',
    scoresSummary: (scored: number, kept: number, sigma: string) =>
      `${counted(scored, 'sample')} scored between 0 (unlike yours) and 1 (like yours); ${number(kept)} reached the threshold σ = ${sigma} and ${form(kept, { one: 'was', other: 'were' })} kept.`,
    unlike: '0 unlike yours',
    like: 'like yours 1',
    quality: 'Quality as it learnt',
    qualitySummary: (first: string, last: string, best: string, steps: number) =>
      `AUC on your latest samples: ${first} before, ${last} after ${counted(steps, 'mini-batch')}; the best was ${best}.`,
    logLoss: 'Log-loss as it learnt',
    logLossSummary: (first: string, last: string, best: string, steps: number) =>
      `On your latest samples, lower is better: ${first} before, ${last} after ${counted(steps, 'mini-batch')}; the best was ${best}.`,
    differences: 'Your samples and the borrowed ones',
    differencesAbout: 'Where they differed most, before the classifier chose.',
    what: 'What',
    yours: 'Yours',
    borrowed: 'Borrowed',
    measure: {
      clicked: () => 'opened when shown',
      shown: (name: string) => `${name} shown`,
      opened: (name: string) => `${name} opened before`,
      affinity: () => 'of a kind opened before',
      value: (name: string) => name,
    },
    percent,
  },

  stored: {
    title: 'Stored on this device',
    own: 'Own samples',
    opened: 'of those, opened',
    borrowed: 'Borrowed samples, not yet scored',
    borrowedKept: 'Borrowed samples, kept',
    waiting: 'Events waiting to be sent',
    delivered: 'Events delivered',
    about: 'Borrowed samples come from people with a taste like yours, without any name.',
    kinds: {
      artifacts: 'Models and catalogue',
      samples: 'Borrowed samples',
      rows: 'Rows of large tables',
      events: 'Events',
      other: 'All else',
    },
    kind: 'Traffic',
    down: 'Received',
    up: 'Sent',
    total: 'In all',
    using: (size: string, models: string) => `Kindred takes ${size} of this device; its models ${models}.`,
    tasks: (names: readonly string[]) => `What learns and ranks here, approved and signed: ${list(names)}.`,
    noTasks: 'Nothing that learns has come from the server yet.',
    trial: 'This device takes part in a trial, in which versions are compared.',
    models: 'Models',
    noModels: 'None yet.',
    slots: { M: 'In use', M0: 'As delivered', Mbuf: 'In training' },
    ranks: 'ranks now',
    modelFacts: (version: number, hash: string, size: string, when: string) =>
      `version ${version} · ${hash} · ${size} · ${when}`,
  },

  samples: {
    title: 'Your samples',
    about:
      'What your model learns from. An own sample that you erase goes with the events it was made from; what the server has already received stays there until you say “Forget everything”.',
    which: 'Which samples',
    own: (n: number) => `Your own (${number(n)})`,
    borrowed: (n: number) => `Borrowed (${number(n)})`,
    none: 'None on this device.',
    notNamed: 'Not named, for the others’ privacy',
    more: 'Show more',
    opened: 'opened',
    passed: 'passed by',
    erase: 'Erase',
    eraseOf: (title: string) => `Erase the sample of ${title}`,
    /** What a sample serves for, or where it stands. */
    use: {
      validation: 'judges your model',
      training: 'trains your model',
      none: 'about to go',
      unscored: 'waits to be scored',
      classifying: 'trains the classifier',
      filtered: 'kept as it came',
    },
    likeYours: (score: string) => `like yours: ${score}`,
    nothing: 'nothing yet',
    andMore: (values: string, more: number) => `${values} and ${number(more)} more`,
  },

  settings: {
    language: 'Language',
    system: 'System',
    notSpoken: 'That language could not be loaded. Try again once you are online.',
    look: 'Look',
    looks: { system: 'System', light: 'Light', dark: 'Dark' },
    learning: 'Learning',
    learn: 'Learn by itself, when there is something new',
    learnMore:
      'It trains a few seconds at a time, while nothing else needs the device, and never on a low battery or a connection that saves data. “Train now” in My model works either way.',
    storage: 'Kept on this device',
    keptSafe: 'Your browser has promised to keep what Kindred has learnt until you erase it.',
    keptMaybe:
      'Your browser may erase what Kindred has learnt if the device runs short of space. Installing the app, or visiting often, makes it keep it.',
    keptNotAsked:
      'Your browser is asked to keep what Kindred learns as soon as there is a model of your own.',
    askToKeep: 'Ask to keep it',
    using: (size: string) => `Kindred uses ${size} here.`,
    usingOf: (size: string, quota: string) => `Kindred uses ${size} here, of ${quota} that it could have.`,
    about: 'About',
    aboutText:
      'Kindred ranks its feed by a model that is trained on your own device. The model never leaves it.',
    version: 'App version',
    model: 'Model',
    modelOf: (task: string, version: string) => `${task}, version ${version}`,
    catalogue: 'Catalogue',
    catalogueOf: (name: string, items: number, noun: string) => `${name}, ${counted(items, noun)}`,
    engine: 'Computes with',
    none: 'none yet',
    licence: 'Licence',
    licences: 'Licences of the software within',
  },

  sharing: {
    title: 'What others learn from you',
    share: 'Let kindred users learn from my samples (without my name)',
    about:
      'A sample says what was shown, whether it was opened, what else was opened in the days before, and the day. It goes to a few hundred devices of people with a taste like yours, at most; somebody who knows some of what you open could recognise you in it. Switched off, the server hands out none of yours any more, and what it learns from next has none of yours in it. What others have received stays with them until it is used up. You get borrowed samples either way.',
    untold: 'The server is still to be told, as soon as it can be reached.',
  },

  takeout: {
    title: 'Take it with you',
    about:
      'Your samples, your models and the record of your rounds in one file: to look into, to keep, or to go on from in another browser. Whoever has the file can be you here, so keep it to yourself.',
    save: 'Save to a file',
    bring: 'Bring in a file',
    file: 'The file to bring in',
    steps: {
      none: '',
      taking: 'Writing the file…',
      taken: 'The file is with your downloads.',
      bringing: 'Checking the file, and bringing it in…',
      brought: 'This device now holds what the file held.',
    },
    ask: (name: string) => `Bring in ${name}?`,
    replaces: 'It replaces everything that Kindred holds on this device.',
    replace: 'Replace it',
  },

  forget: {
    title: 'Forget me',
    about:
      'Erases what Kindred knows of you on this device and on the server. The feed starts over; the language and the look that you chose stay.',
    everything: 'Forget everything',
    erasing: 'Erasing…',
    ask: 'Forget everything?',
    held: (unsent: number, samples: number, models: number, rounds: number) =>
      `This device now holds ${list([
        counted(unsent, 'unsent event'),
        counted(samples, 'sample'),
        counted(models, 'model'),
        `the record of ${counted(rounds, 'round')}`,
      ])}. They go, and so does all that the server has from this device.`,
    noUndo: 'This cannot be undone.',
    yes: 'Yes, forget everything',
    here: (events: number, samples: number, models: number, rounds: number) =>
      `Removed here: ${list([
        counted(events, 'event'),
        counted(samples, 'sample'),
        counted(models, 'model'),
        `the record of ${counted(rounds, 'round')}`,
      ])}.`,
    server: (events: number, samples: number, matches: number) =>
      `Removed on the server: ${list([
        counted(events, 'event'),
        counted(samples, 'sample'),
        `${counted(matches, 'match')} that named them`,
      ])}.`,
    owed: 'The server could not be told yet: that is the first thing it hears when it can be reached.',
    nothing: 'The server had nothing from this device.',
  },

  install: {
    short: 'Install',
    title: 'On your home screen',
    about: 'Installed, Kindred opens like any app, works offline, and your browser keeps what it has learnt.',
    install: 'Install Kindred',
    byHand: {
      'safari-ios':
        'In Safari, tap “Share”, then “Add to Home Screen”. Without that, Safari erases what Kindred has learnt after seven days without a visit.',
      'other-ios':
        'Open your browser’s “Share” menu, then tap “Add to Home Screen”. Installed, Kindred has a storage of its own: what it has learnt here can go there as a file (“Take it with you”, below).',
      'firefox-android': 'Open Firefox’s menu, then tap “Add app to Home screen”.',
      'safari-mac':
        'In Safari, choose “File”, then “Add to Dock”. Without that, Safari erases what Kindred has learnt after seven days without a visit.',
    },
    installed: 'Kindred is installed on this device.',
    none: 'Your browser does not offer to install this page now. Its menu may have “Install” or “Add to Home screen”.',
  },

  /** The mark on the app's icon. */
  badge: {
    title: 'A mark on the icon',
    mark: 'Mark the app’s icon when my model has got better',
    about:
      'Only when it happened while you were not looking, and only until you open Kindred. Nothing else ever notifies you.',
    refused: 'Your browser does not allow Kindred to mark its icon.',
  },

  /** What the browser lacks. */
  browser: {
    cannot: 'Your browser cannot run Kindred here',
    why: 'The feed is ranked and the model is trained in your browser, on your own device. For that, it lacks:',
    newer: 'A current Chrome, Edge, Firefox or Safari has what it takes.',
    lacks: {
      workers: 'workers, in which it learns',
      storage: 'storage of its own (IndexedDB); it may be switched off, as in some private windows',
      secure: 'a secure connection: the address of this page has to begin with https',
    },
  },

  failure: {
    cancelled: 'That was stopped.',
    'bad-input': 'Something arrived that does not fit.',
    'bad-artifact': 'A file arrived damaged, and was not used.',
    diverged: 'Training went astray, and its result was thrown away.',
    engine: 'This browser could not do the computing.',
    offline: 'The server cannot be reached.',
    refused: 'The server said no.',
    unauthorised: 'The server does not know this device any more.',
    storage: 'The storage of this device failed.',
    'not-ready': 'There is no model on this device yet.',
    version: 'Two versions of the app are open; this page has to be reloaded.',
    worker: 'The part of the app that learns has stopped.',
  } satisfies Record<FailureCode, string>,
}

export type Strings = typeof en
