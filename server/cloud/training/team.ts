/**
 * How the replicas of a model, each in a thread of its own, learn as one: in shared memory and without messages. Every
 * replica takes its part of each mini-batch; the gradients are added up in the order of the replicas, so that all of them
 * make the same step, bit for bit, and a training with as many threads does the same each time.
 */
import { type GradientBuffer, gradientWords, type Peers } from '../../../shared/engine/fused/replica.ts'
import { AppError } from '../../../shared/failure.ts'
import type { ModelSpec } from '../../../shared/model/spec.ts'

/** What its members share; may be sent to threads. */
export interface TeamPlace {
  readonly size: number
  /** Three words: how many have arrived, how often all have, whether it is stopped. */
  readonly control: SharedArrayBuffer
  /** Two float64s a member, and two slots of `slotWords`: those of every other step. */
  readonly losses: SharedArrayBuffer
  readonly slots: SharedArrayBuffer
  readonly slotWords: number
}

const [ARRIVED, TURN, STOPPED] = [0, 1, 2]
/**
 * How often a thread looks for the others before it sleeps, about half a millisecond: they are rarely later, to be woken
 * takes as long as a good part of a step, and on a busy machine it may end on the core of whoever woke it.
 */
const LOOKS = 300_000

/** A place for `size` replicas of a model that learn from mini-batches of up to `rows` rows. */
export function createTeam(spec: ModelSpec, size: number, rows: number): TeamPlace {
  const slotWords = size > 1 ? gradientWords(spec, Math.ceil(rows / size)) : 0
  return {
    size,
    control: new SharedArrayBuffer(12),
    losses: new SharedArrayBuffer(2 * 8 * size),
    slots: new SharedArrayBuffer(2 * 4 * slotWords * size),
    slotWords,
  }
}

/** Makes every member throw `cancelled` at its next meeting, also those that wait for one. */
export function stopTeam({ control }: Pick<TeamPlace, 'control'>): void {
  const words = new Int32Array(control)
  Atomics.store(words, STOPPED, 1)
  Atomics.add(words, TURN, 1) // so that nobody who is about to wait does
  Atomics.notify(words, TURN)
}

export interface Member {
  readonly index: number
  readonly size: number
  /** Rows [from, to) of a mini-batch of `rows` are this member's. */
  partOf(rows: number): [from: number, to: number]
  /** Undefined where there is nobody else. `rows` are those of the step's whole mini-batch. */
  readonly peers: (Peers & { total: number }) | undefined
  /** Waits until all have come. Blocks the thread. */
  meet(): void
}

export function joinTeam(place: TeamPlace, index: number): Member {
  const { size } = place
  const words = new Int32Array(place.control)
  const check = () => {
    if (Atomics.load(words, STOPPED) !== 0) throw new AppError('cancelled', 'Stopped.')
  }
  function meet(): void {
    check()
    const turn = Atomics.load(words, TURN)
    if (Atomics.add(words, ARRIVED, 1) === size - 1) {
      Atomics.store(words, ARRIVED, 0)
      Atomics.add(words, TURN, 1)
      Atomics.notify(words, TURN)
    } else {
      for (let looks = 0; looks < LOOKS && Atomics.load(words, TURN) === turn; ) looks++
      while (Atomics.load(words, TURN) === turn) Atomics.wait(words, TURN, turn)
    }
    check()
  }
  return {
    index,
    size,
    partOf: (rows) => [Math.floor((index * rows) / size), Math.floor(((index + 1) * rows) / size)],
    peers: size > 1 ? { total: 0, add: adder(place, index, meet) } : undefined,
    meet,
  }
}

/** One meeting a step: a slot is written again two steps later, when all must have read it. */
function adder({ size, losses, slots, slotWords }: TeamPlace, index: number, meet: () => void): Peers['add'] {
  const sums = new Float64Array(losses)
  const floats = new Float32Array(slots)
  const ints = new Int32Array(slots)
  let half = 0
  return (gradient, loss) => {
    const first = half * size
    half = 1 - half
    sums[first + index] = loss
    publish(gradient, floats, ints, (first + index) * slotWords)
    meet()
    // Two numbers have the same sum either way round, so that of two each may add the other's to its own.
    const anew = size > 2
    if (anew) clear(gradient)
    let sum = 0
    for (let i = 0; i < size; i++) {
      sum += sums[first + i]!
      if (anew || i !== index) addFrom(gradient, floats, ints, (first + i) * slotWords)
    }
    return sum
  }
}

/** The floats of everything outside the embeddings; then for each table how many rows, which, and their floats. */
function publish(
  { others, tables }: GradientBuffer,
  floats: Float32Array,
  ints: Int32Array,
  slot: number,
): void {
  floats.set(others, slot)
  let at = slot + others.length
  for (const { width, rows, touched } of tables) {
    const count = touched[0]!
    ints.set(touched.subarray(0, count + 1), at)
    at += count + 1
    for (let i = 1; i <= count; i++, at += width) {
      const from = touched[i]! * width
      for (let j = 0; j < width; j++) floats[at + j] = rows[from + j]!
    }
  }
}

/** Zeroes what is there; the rows stay touched. */
function clear({ others, tables }: GradientBuffer): void {
  others.fill(0)
  for (const { width, rows, touched } of tables)
    for (let i = 1; i <= touched[0]!; i++) {
      const at = touched[i]! * width
      for (let j = 0; j < width; j++) rows[at + j] = 0
    }
}

function addFrom(gradient: GradientBuffer, floats: Float32Array, ints: Int32Array, slot: number): void {
  const { others } = gradient
  for (let i = 0; i < others.length; i++) others[i]! += floats[slot + i]!
  let at = slot + others.length
  for (const { width, rows, flags, touched } of gradient.tables) {
    const count = ints[at]!
    const ids = at + 1
    at += count + 1
    for (let i = 0; i < count; i++, at += width) {
      const id = ints[ids + i]!
      if (flags[id] === 0) {
        flags[id] = 1
        touched[++touched[0]!] = id
      }
      const to = id * width
      for (let j = 0; j < width; j++) rows[to + j]! += floats[at + j]!
    }
  }
}
