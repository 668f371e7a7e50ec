/** What a trainer does between two steps: hear its messages, keep to its share of the time, wait while it is told to. */

/** Longest that a training thread hears nothing, ms: a few steps of a small model, one of a large one. */
const DEAF_MS = 8

/** How time passes for a trainer; tests give a time of their own. */
export interface Timing {
  /** ms, never backwards. */
  now(): number
  /** Lets the thread hear its messages. */
  turn(): Promise<void>
  /** At least `ms`, or until the signal is aborted: then it rejects at once with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemTiming: Timing = {
  now: () => performance.now(),
  turn,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const wake = () => {
        clearTimeout(timer)
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', wake)
        resolve()
      }, ms)
      signal.addEventListener('abort', wake, { once: true })
    }),
}

/** Holds up whoever wants to pass it while it is closed. */
export interface Gate {
  close(): void
  open(): void
  /** For how long it has been closed so far, ms. */
  closedFor(): number
  /** Undefined where the way is free; rejects with the signal's reason as soon as that is aborted. */
  passed(signal: AbortSignal): Promise<void> | undefined
}

export function createGate({ now }: Pick<Timing, 'now'> = systemTiming): Gate {
  let closed: { readonly until: Promise<void>; readonly open: () => void; readonly since: number } | undefined
  let before = 0
  return {
    closedFor: () => before + (closed ? now() - closed.since : 0),
    close() {
      if (closed) return
      let open = () => {}
      const until = new Promise<void>((resolve) => {
        open = resolve
      })
      closed = { until, open, since: now() }
    },
    open() {
      if (!closed) return
      before += now() - closed.since
      closed.open()
      closed = undefined
    },
    passed(signal) {
      if (!closed) return undefined
      const { until } = closed
      return new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const stop = () => reject(signal.reason)
        signal.addEventListener('abort', stop, { once: true })
        void until.then(() => {
          signal.removeEventListener('abort', stop)
          resolve()
        })
      })
    },
  }
}

export interface Pacing {
  /** Share of the time that may be computed, in (0, 1]; default 1. */
  readonly duty?: number | undefined
  readonly gate?: Gate
  readonly timing?: Timing
}

/** To be called before each step, and awaited if it gives something to wait for. */
export type Pause = () => Promise<void> | undefined

/**
 * A pause that throws if the caller has asked to stop. Now and then, the first time too, it lets the thread hear its
 * messages before: engines that compute on the CPU never leave the microtask queue by themselves; but a turn of the event
 * loop costs as much as a small step. What was computed since it last did so, a few milliseconds, is made up for by a sleep
 * (c·(1/duty − 1) after c ms), so the duty holds over any second and not only in the end. Oversleeping is not credited:
 * a browser that slows timers down does so for a reason.
 */
export function createPause(
  signal: AbortSignal = new AbortController().signal,
  { duty = 1, gate, timing = systemTiming }: Pacing = {},
): Pause {
  let since = timing.now()
  let first = true

  async function rest(computed: number): Promise<void> {
    if (duty < 1) await timing.sleep(computed * (1 / duty - 1), signal)
    else await timing.turn()
    for (let shut = gate?.passed(signal); shut; shut = gate?.passed(signal)) await shut
    signal.throwIfAborted()
    since = timing.now()
  }

  return () => {
    const computed = timing.now() - since
    if (first || computed >= DEAF_MS) {
      first = false
      return rest(computed)
    }
    signal.throwIfAborted()
    return undefined
  }
}

/** Time that a run may take. */
export interface Budget {
  /** Runs `work` once when `ms` are used up; returns the way to prevent it. */
  after(ms: number, work: () => void): () => void
}

/**
 * Counts by the clock on the wall, the rests of the duty cycle too, because who sets a budget of time sets the duty as well.
 * What the gate takes is not counted: the user's own input must not cost a run the time that it was promised. So a run may last
 * as long as the user is busy; what bounds that is the round around it.
 */
export function createBudget(gate: Gate, timing: Timing = systemTiming): Budget {
  return {
    after(ms, work) {
      const ended = new AbortController()
      const [began, shut] = [timing.now(), gate.closedFor()]
      const left = () => ms - (timing.now() - began - (gate.closedFor() - shut))
      async function count(): Promise<void> {
        for (let rest = left(); rest > 0; rest = left()) {
          await timing.sleep(rest, ended.signal)
          await gate.passed(ended.signal)
        }
        if (!ended.signal.aborted) work()
      }
      count().catch(() => {}) // it was prevented
      return () => ended.abort()
    },
  }
}

// Taken at once: what a task's script can reach afterwards is less.
const { MessageChannel } = globalThis

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    // Assigned this way because Node's types leave `onmessage` out.
    Object.assign(port1, {
      onmessage() {
        port1.close()
        resolve()
      },
    })
    port2.postMessage(null)
  })
}
