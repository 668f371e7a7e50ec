/** What the device runtime needs from where it lives: a browser's worker, or Node. Everything is injected here. */
import type { Clock } from '../shared/clock.ts'
import type { DeviceInfo } from '../shared/release/device.ts'
import type { Trainer } from './trainer/job.ts'

/** The part of the Web Locks API that is used; `navigator.locks` fits. */
export interface Locks {
  /**
   * Runs `work` while `name` is held, and gives its result. An `exclusive` lock excludes every other holder, `shared`
   * ones only exclusive ones. With `ifAvailable` it never waits: `work` gets null where the lock cannot be had now.
   * `steal` takes it from whoever holds it: their request rejects with an `AbortError`, and their work goes on unasked.
   */
  request<T>(
    name: string,
    options: { mode?: 'exclusive' | 'shared'; ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    work: (lock: object | null) => Promise<T>,
  ): Promise<T>
}

/** Between the tabs of one device: what one posts the others hear, itself not. `BroadcastChannel` is one. */
export interface TabChannel {
  post(message: unknown): void
  /** Hears what the others post; returns the way to stop. */
  onMessage(listener: (message: unknown) => void): () => void
}

/** What the runtime says of a request; both homes' `RequestInit` takes it. */
export interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** How a browser's HTTP cache is to be used; Node has none. */
  readonly cache?: 'default' | 'no-store' | 'reload'
  readonly signal?: AbortSignal
}

export type Facts = Omit<DeviceInfo, 'id' | 'registered'>

export interface Platform {
  readonly clock: Clock
  /** `fetch` with a path on the server; rejects where the server cannot be reached. */
  fetch(path: string, request: Request): Promise<Response>
  /** The same on a static host, where one has what is for everybody: artifacts, and what `shared/trust` verifies. */
  files?(path: string, request: Request): Promise<Response>
  /** A new device shows a token of the app around it, and waits for it (`signIn`). */
  readonly signsIn?: boolean
  /** What this device is, as far as releases may go by it. */
  facts(): Facts
  /** SHA-256 of the server's first root of trust, where it is known beforehand; else the first one that comes is believed. */
  readonly root?: string
  /** Where everything is stored. */
  readonly storage: {
    readonly name: string
    // biome-ignore lint/complexity/noBannedTypes: Dexie's own type for what it takes
    readonly indexedDB: { open: Function }
    // biome-ignore lint/complexity/noBannedTypes: as above
    readonly IDBKeyRange: { bound: Function; lowerBound: Function; upperBound: Function }
  }
  readonly locks: Locks
  readonly tabs: TabChannel
  readonly network: {
    /** False only where the platform is sure that there is no network. */
    online(): boolean
    /** Hears of a change; returns the way to stop. */
    onChange(listener: () => void): () => void
  }
  /** Runs `work` once after `ms`; returns the way to prevent it. */
  after(ms: number, work: () => void): () => void
  /** What computes here: another browser or other engines may have another one that is the fastest. */
  readonly agent: { readonly browser: string; readonly engines: string }
  /** A trainer for one run of a task. */
  spawnTrainer(): Trainer
  /** Uniform integer in [0, 2³²): the seed of a round. */
  seed(): number
}
