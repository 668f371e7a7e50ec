/**
 * Virtual time. Everything that happens in a simulation is a step of one queue, and the seed says when each comes: two
 * runs of one seed are the same run, step by step. Between two steps all promises that can go on have gone on.
 */
import { createHash, type Hash } from 'node:crypto'
import { type Random, seeded } from '../../shared/random.ts'

/** Whose step it is. A dead owner's steps never happen; a frozen one's wait until it is thawed. */
export interface Owner {
  readonly name: string
  state: 'live' | 'frozen' | 'dead'
}

interface Step {
  readonly at: number
  readonly order: number
  readonly what: string
  readonly owner: Owner | undefined
  readonly work: () => unknown
}

export interface Schedule {
  readonly random: Random
  /** Virtual time, ms since the epoch. */
  now(): number
  /** Whose step is under way, if it is anybody's. */
  current(): Owner | undefined
  /** Says that what follows in this step is `owner`'s. */
  enter(owner: Owner | undefined): void
  /** `work` is done `ms` from now, and time stands still until what it returns is settled; gives the way to prevent it. */
  at(ms: number, owner: Owner | undefined, what: string, work: () => unknown): () => void
  /** What was held while `owner` was frozen happens now, in its order. */
  thaw(owner: Owner): void
  /** A line of the trace. */
  trace(text: string): void
  /** Runs steps until `until` (ms), or until `enough` says so after a step; false where nothing was left to do. */
  run(until: number, enough?: () => boolean): Promise<boolean>
  readonly steps: number
  /** What steps have thrown. */
  readonly thrown: readonly unknown[]
  /** The newest lines of the trace, and a hash over all of it and every step. */
  lines(): readonly string[]
  digest(): string
}

/** Lines of the trace that are kept. */
const KEPT = 400

export function createSchedule(
  seed: number,
  start: number,
  { watch = () => {} }: { watch?: ((line: string) => void) | undefined } = {},
): Schedule {
  const queue = createQueue()
  const held = new Map<Owner, Step[]>()
  const hash: Hash = createHash('sha256')
  const kept: string[] = []
  const thrown: unknown[] = []
  let now = start
  let order = 0
  let steps = 0
  let current: Owner | undefined

  function trace(text: string): void {
    const line = `${clockOf(now - start)} ${current ? `${current.name} ` : ''}${text.replaceAll('\n', ' ')}`
    hash.update(`${line}\n`)
    kept.push(line)
    if (kept.length > 2 * KEPT) kept.splice(0, KEPT)
    watch(line)
  }

  async function perform({ at, owner, what, work }: Step): Promise<void> {
    now = Math.max(now, at)
    current = owner
    steps++
    if (what) trace(what)
    else hash.update(`${now}\n`)
    try {
      await work()
    } catch (error) {
      thrown.push(error)
    }
    await quiet()
    current = undefined
  }

  return {
    random: seeded(seed),
    now: () => now,
    current: () => current,
    enter(owner) {
      current = owner
    },
    at(ms, owner, what, work) {
      let due = true
      queue.push({
        at: now + Math.max(0, ms),
        order: order++,
        what,
        owner,
        work: () => (due ? work() : undefined),
      })
      return () => {
        due = false
      }
    },
    thaw(owner) {
      for (const step of held.get(owner) ?? []) queue.push({ ...step, at: now, order: order++ })
      held.delete(owner)
    },
    trace,
    async run(until, enough = () => false) {
      for (;;) {
        const next = queue.first()
        if (!next || next.at > until) break
        queue.shift()
        if (next.owner?.state === 'dead') continue
        if (next.owner?.state === 'frozen') held.set(next.owner, [...(held.get(next.owner) ?? []), next])
        else await perform(next)
        if (enough()) return true
      }
      now = Math.max(now, until)
      return queue.first() !== undefined
    },
    get steps() {
      return steps
    },
    thrown,
    lines: () => kept.slice(-KEPT),
    digest: () => hash.copy().digest('hex').slice(0, 16),
  }
}

const { setImmediate: turn } = globalThis

/** Done when no promise can go on by itself any more. */
const quiet = (): Promise<void> => new Promise((resolve) => void turn(resolve))

/** “1d 02:03:04.567” */
function clockOf(ms: number): string {
  const days = Math.floor(ms / 86_400_000)
  return `${days}d ${new Date(ms - days * 86_400_000).toISOString().slice(11, 23)}`
}

/** A binary heap by time, and by order of arrival within one moment. */
function createQueue() {
  const heap: Step[] = []
  const before = (a: Step, b: Step) => a.at < b.at || (a.at === b.at && a.order < b.order)
  const swap = (i: number, j: number) => {
    const step = heap[i]!
    heap[i] = heap[j]!
    heap[j] = step
  }
  return {
    first: () => heap[0],
    push(step: Step): void {
      let i = heap.push(step) - 1
      for (let parent = (i - 1) >> 1; i > 0 && before(heap[i]!, heap[parent]!); parent = (i - 1) >> 1) {
        swap(i, parent)
        i = parent
      }
    },
    shift(): void {
      swap(0, heap.length - 1)
      heap.pop()
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2]
        let least = i
        if (left < heap.length && before(heap[left]!, heap[least]!)) least = left
        if (right < heap.length && before(heap[right]!, heap[least]!)) least = right
        if (least === i) return
        swap(i, least)
        i = least
      }
    },
  }
}
