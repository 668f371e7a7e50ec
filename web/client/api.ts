/**
 * What `kindred/client` is to those who use it, as docs/client.md explains it. Nothing here is from any other file, because
 * it is published as it stands; what changes here changes for others (semantic versioning).
 */

/** Why something failed: `code` is for code, `message` is one sentence for people. */
export interface Failure {
  readonly code: FailureCode
  readonly message: string
}

/** `AppError` has one of these as its `code`. More may come with a minor version. */
export type FailureCode =
  /** It was stopped: by its signal, by `close`, or because everything was forgotten meanwhile. */
  | 'cancelled'
  /** What was given does not fit; the sentence says what. */
  | 'bad-input'
  /** A file that was downloaded, or stored, is not what it promised. */
  | 'bad-artifact'
  /** A training went astray, and was given up. */
  | 'diverged'
  /** Nothing here can compute. */
  | 'engine'
  /** The server could not be reached. */
  | 'offline'
  /** The server said no, or wants to be left alone for a while. */
  | 'refused'
  /** The server wants a token of the user, or does not accept the one it got. */
  | 'unauthorised'
  /** The browser's storage failed, or is full. */
  | 'storage'
  /** There is no model yet. */
  | 'not-ready'
  /** Two versions met; a reload helps. */
  | 'version'
  /** The worker died, or could not be started. It is started anew by itself. */
  | 'worker'

export interface KindredOptions {
  /** Where the Kindred server is, a path before its addresses included. By default, where the page is from. */
  readonly server?: string | URL | undefined
  /** Where a static host has what `kindred publish` wrote; then the server is asked for what is this device's own alone. */
  readonly files?: string | URL | undefined
  /** SHA-256 of the first root that your server has: others are then refused. Without it, the first one that comes is believed. */
  readonly root?: string | undefined
  /**
   * Gives a token (JWT) of the user that your app has signed in, for a server with `--identity jwt`. Asked for when this
   * device registers, and again when the server does not accept it; at most every 30 seconds.
   */
  readonly token?: (() => string | Promise<string>) | undefined
  /**
   * Which user of this browser it is: a name of your choice, which stays here. What is stored for one is apart from what is
   * stored for another, and for nobody.
   */
  readonly account?: string | undefined
  /** Where the package's `device.js` lies, if your bundler does not take it along: of the page's own origin. */
  readonly worker?: string | URL | undefined
}

/** What the user saw or did; `item` is a key of the catalogue. */
export type Tracked =
  /** The user has seen the item; `context` is what the app knew of it then. */
  | { readonly type: 'exposure'; readonly item: string; readonly context?: readonly number[] | undefined }
  /** The user has chosen the item; if no exposure of it was tracked, it was seen all the same. */
  | { readonly type: 'click'; readonly item: string }
  /** Anything else worth remembering, by a name of up to 80 characters. */
  | { readonly type: 'behaviour'; readonly name: string }
  /** Something that the user has said of themselves; the newest value of a name counts. */
  | { readonly type: 'profile'; readonly name: string; readonly value: string }

/**
 * What may be ranked: a key of the catalogue, or anything that has one; `context` is up to 16 numbers that the app knows of
 * the item now, in an order that is always the same.
 */
export type Candidate = string | { readonly key: string; readonly context?: readonly number[] | undefined }

/** Which model it is. */
export interface ModelId {
  /** `own` was trained on this device, `delivered` came from the server. */
  readonly origin: 'own' | 'delivered'
  /** Of the task that the server deploys: it goes up with each new delivered model. */
  readonly version: number
  /** SHA-256 of its bytes, in hex. */
  readonly sha256: string
}

export interface Model extends ModelId {
  /** Since when it is on this device (ms since 1970). */
  readonly since: number
  readonly bytes: number
}

export interface Ranking<C> {
  /** The candidates, the best first; then those that the catalogue does not know, in the order in which they came. */
  readonly order: readonly C[]
  /** How probable a click on each of `order` is, in [0, 1]; null where that is not known. */
  readonly scores: readonly (number | null)[]
  /** The model that ranked. Null where none did: then `order` is the order in which the candidates came. */
  readonly by: ModelId | null
  /** The task by which the order is another than that of the scores, or could be. Null: it is that of the scores. */
  readonly task: { readonly name: string; readonly version: number } | null
  /** Keys that the catalogue on this device does not know (yet). */
  readonly unknown: readonly string[]
  /** Why no model ranked: `not-ready` before the first one is here. */
  readonly failure: Failure | null
}

/** How one round of learning went. */
export interface Round {
  /** When it ended (ms since 1970). */
  readonly at: number
  /** `committed`: there is a new model · `kept`: the old one was as good · `filtered`: too few samples · `failed` */
  readonly outcome: 'committed' | 'kept' | 'filtered' | 'failed'
  readonly failure: Failure | null
  readonly ms: number
  /** What computed, as `fused-wasm`. */
  readonly engine: string
  /** Bytes downloaded for it. */
  readonly bytes: number
  /** The user's own that it learnt from and was judged by; those of kindred users that came in, and that were kept of them. */
  readonly samples: { readonly own: number; readonly borrowed: number; readonly kept: number }
  /** AUC on the user's own validation samples before and after, in [0, 1]; null where it cannot be told. */
  readonly quality: { readonly before: number | null; readonly after: number | null }
}

export interface Status {
  /** What goes on; `starting` until the worker has said something. */
  readonly phase: 'starting' | 'idle' | 'fetching' | 'filtering' | 'training' | 'committing'
  /** How far `filtering` or `training` has come, in [0, 1]. */
  readonly fraction: number | null
  /** What the next round waits for. */
  readonly waitingFor:
    | 'nothing'
    | 'clicks'
    | 'contrast'
    | 'task'
    | 'network'
    | 'tomorrow'
    | 'paused'
    | 'battery'
    | 'data-saver'
    | 'hidden'
  /** Clicks that are missing before it, where it waits for these. */
  readonly missing: number
  readonly model: Model | null
  readonly online: boolean
  /** Whether it learns by itself: `pause` and `resume`. */
  readonly learning: boolean
  /** Whether others may learn from this user's samples: `consent`. */
  readonly sharing: boolean
  /** Whether the browser has promised to keep what is stored; null until it was asked: `persist`. */
  readonly persistent: boolean | null
  /** Events on this device that the server does not have yet, and that it has. */
  readonly events: { readonly waiting: number; readonly delivered: number }
  readonly samples: { readonly own: number; readonly clicks: number; readonly borrowed: number }
  /** Bytes since the beginning. */
  readonly traffic: { readonly down: number; readonly up: number }
  /** The last ones, the newest first. */
  readonly rounds: readonly Round[]
  /** The last thing that went wrong, until it goes well. */
  readonly failure: Failure | null
}

/** What was removed. */
export interface Forgotten {
  readonly here: {
    readonly events: number
    readonly samples: number
    readonly models: number
    readonly rounds: number
  }
  /** Null where the server could not be told, or has never heard of this device. */
  readonly server: { readonly events: number; readonly samples: number } | null
  /** Whether the server is still to be told: that is done first of all when it can be reached. */
  readonly owed: boolean
}

/** Hears no more. */
export type Unsubscribe = () => void

export interface Kindred {
  /** Records what the user saw or did. Done when it is on this device's disk; it goes to the server later. */
  track(events: Tracked | readonly Tracked[]): Promise<void>
  /**
   * Puts up to 1000 candidates in the order in which this user would choose them. It always gives an order: where no model
   * has ranked within `within` ms (2000 by default), the one in which they came, and `failure` says why. It throws
   * `bad-input` only, and `cancelled`.
   */
  rank<C extends Candidate>(
    candidates: readonly C[],
    options?: { readonly signal?: AbortSignal | undefined; readonly within?: number | undefined },
  ): Promise<Ranking<C>>
  /**
   * Asks the delivered task that is called by this name; what it answers is what its script returns, as JSON. Throws `not-ready`
   * where no task on this device is called so, and what the run failed of.
   */
  call(
    name: string,
    input?: unknown,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<unknown>
  readonly model: {
    /** What ranks now; null before there is any. */
    current(): Promise<Model | null>
    /** Hears which model ranks as soon as that is known, and at each change: the moments to rank (again). */
    onChange(listener: (model: Model | null) => void): Unsubscribe
    /** Back to the model that was delivered. */
    rollback(): Promise<void>
  }
  /** Hears of each round that ends from now on, in whichever tab it went on. */
  onRound(listener: (round: Round) => void): Unsubscribe
  status(): Promise<Status>
  /** Hears the status, now and at each change. */
  onStatus(listener: (status: Status) => void): Unsubscribe
  /** Learns now, whatever the triggers say; done when the round is. */
  train(options?: { readonly signal?: AbortSignal | undefined }): Promise<Round>
  /** Learns no more by itself, until `resume`; it is remembered. Tracking and ranking go on. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Whether others may learn from this user's samples. It is remembered, and the server is told. */
  consent(choice: { readonly sharing: boolean }): Promise<void>
  /** Asks the browser to keep what is stored; some ask the user. Gives what it said. */
  persist(): Promise<boolean>
  /** Everything that this device holds, as a ZIP for the user. */
  takeOut(): Promise<{ readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }>
  /** Replaces everything that this device holds by what such a file holds. */
  bringIn(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Erases everything of this user, here and on the server. After it this is a new device. */
  forget(): Promise<Forgotten>
  /** Ends all that goes on here, and hears no more; what is stored stays. Calls after it fail with `cancelled`. */
  close(): Promise<void>
}

/** Tells by itself what the user has seen. */
export interface ExposureWatch {
  /** Tracks an exposure of the item once half of `element` was on screen for half a second. */
  observe(element: Element, item: string, context?: readonly number[]): Unsubscribe
  /** Tracks a click, after the exposure if that was not told yet. */
  click(item: string): Promise<void>
  disconnect(): void
}

/**
 * Starts Kindred for the user of this page: one for a page is enough. Where a browser cannot run it, lists stay as they come
 * and the status says why. Throws `bad-input` for options that cannot be meant.
 */
export declare function createKindred(options?: KindredOptions): Kindred

/**
 * Tracks what the user of this page has seen: half of an element, or of the screen, for half a second without a break. Each
 * item counts once for as long as the watch lives: make another for another list.
 */
export declare function watchExposures(kindred: Pick<Kindred, 'track'>): ExposureWatch

/** Everything that Kindred throws on purpose. */
export declare class AppError extends Error {
  readonly name: 'AppError'
  readonly code: FailureCode
  constructor(code: FailureCode, message: string, options?: ErrorOptions)
}
