/** What the host sends for a piece of a batch, in one buffer: header, rows, touched embeddings, their occurrences. */
import type { Batch } from '../../sample.ts'
import type { Layout, TableAt } from './layout.ts'
import { HEADER_WORDS, TOUCHED_WORDS } from './text.ts'

/** What learning needs beside the batch: the sum of all its weights, and the optimizer's numbers. */
export interface Lesson {
  readonly total: number
  readonly rate: number
  readonly epsilon: number
}

/** Words for `rows` rows, at most, if `others` only have their embeddings sent. */
export const sentWords = ({ record, occurrences }: Layout, rows: number, others = 0): number =>
  HEADER_WORDS +
  rows * (record.words + occurrences) +
  (rows + others) * occurrences * TOUCHED_WORDS +
  TOUCHED_WORDS

const words = (count: number) => new Uint32Array(count)

/**
 * Sequences lose their padding on the way, so the GPU meets none. Each embedding that a row looks up is an occurrence of
 * it: where in the traces its gradient will lie. They are sorted by embedding here, since a GPU that adds what comes in
 * any order gives other bits each time.
 */
export class Sender {
  readonly #layout: Layout
  #sent = words(0)
  #floats = new Float32Array(0)
  #count = 0
  #touched = 0
  /** By occurrence: its embedding's number, and its gradient's place. */
  #embeddings = words(0)
  #places = words(0)
  /** By touched embedding: its number, its place in `parameters`, its width. */
  #numbers = words(0)
  #parameters = words(0)
  #widths = words(0)
  /** By embedding: its occurrences so far, while sorting where the next one goes; all 0 between calls. */
  readonly #tally: Uint32Array
  /** By embedding: 1 if it is touched; all 0 between calls. */
  readonly #known: Uint8Array

  constructor(layout: Layout) {
    this.#layout = layout
    this.#tally = words(layout.spec.tables.reduce((sum, { rows }) => sum + rows, 0))
    this.#known = new Uint8Array(this.#tally.length)
  }

  /**
   * These rows of a checked batch, valid until the next call, and how many embeddings they touch if it is a lesson. Those
   * of the `others` are touched too, without occurrences.
   */
  pack(batch: Batch, rows: readonly number[], lesson: Lesson | undefined, others: readonly number[] = []) {
    this.#reserve(rows.length, others.length)
    const { record, traceWords } = this.#layout
    const touchedAt = HEADER_WORDS + rows.length * record.words
    this.#sent.fill(0, 0, touchedAt)
    rows.forEach((row, i) => {
      const at = HEADER_WORDS + i * record.words
      this.#packRow(batch, row, at, i * traceWords, lesson !== undefined)
      this.#floats[at + record.label] = batch.labels[row]!
      this.#floats[at + record.share] = lesson ? batch.weights[row]! / lesson.total : 0
    })
    for (const row of others) this.#touchRow(batch, row)
    const occurrencesAt = touchedAt + (this.#touched + 1) * TOUCHED_WORDS
    this.#sent.set([rows.length, this.#touched, touchedAt, occurrencesAt])
    if (lesson) this.#floats.set([lesson.rate, lesson.epsilon], 4)
    this.#sort(touchedAt, occurrencesAt)
    return { sent: this.#sent.subarray(0, occurrencesAt + this.#count), touched: this.#touched }
  }

  #reserve(rows: number, others: number): void {
    this.#count = 0
    this.#touched = 0
    const most = sentWords(this.#layout, rows, others)
    if (this.#sent.length < most) {
      this.#sent = words(most)
      this.#floats = new Float32Array(this.#sent.buffer)
    }
    const occurrences = (rows + others) * this.#layout.occurrences
    if (this.#numbers.length >= occurrences) return
    this.#embeddings = words(occurrences)
    this.#places = words(occurrences)
    this.#numbers = words(occurrences)
    this.#parameters = words(occurrences)
    this.#widths = words(occurrences)
  }

  #packRow({ ids, dense }: Batch, row: number, at: number, trace: number, learns: boolean): void {
    const { spec, parts, dx } = this.#layout
    const idsAt = row * spec.idWidth
    const put = (id: number, word: number, table: TableAt & { dim: number }, place: number) => {
      this.#sent[word] = id
      if (learns && id !== 0) this.#note(id, table, place)
    }
    for (const part of parts) {
      if (part.kind === 'dense') {
        const from = row * spec.denseWidth + part.from
        this.#floats.set(dense.subarray(from, from + part.dim), at + part.values)
      } else if (part.kind === 'lookup') {
        put(ids[idsAt + part.from]!, at + part.id, part, trace + dx + part.to)
      } else {
        const gradients = part.kind === 'pool' ? part.dKey : part.trace.dKeys
        const step = part.kind === 'pool' ? 0 : part.dim
        let count = 0
        for (let l = 0; l < part.length; l++) {
          const id = ids[idsAt + part.from + l]!
          if (id === 0) continue
          put(id, at + part.ids + count, part, trace + gradients + count * step)
          count++
        }
        this.#sent[at + part.count] = count
        if (part.kind === 'attend')
          put(ids[idsAt + part.fromQuery]!, at + part.query, part, trace + part.trace.dQuery)
      }
    }
  }

  /** Notes an occurrence of embedding `id`, whose gradient will lie at `place`. */
  #note(id: number, table: TableAt & { dim: number }, place: number): void {
    this.#touch(id, table)
    const number = table.first + id
    this.#tally[number]!++
    this.#embeddings[this.#count] = number
    this.#places[this.#count++] = place
  }

  #touch(id: number, table: TableAt & { dim: number }): void {
    const number = table.first + id
    if (this.#known[number] === 1) return
    this.#known[number] = 1
    this.#numbers[this.#touched] = number
    this.#parameters[this.#touched] = table.parameters + id * table.dim
    this.#widths[this.#touched++] = table.dim
  }

  /** Touches the embeddings of a row that is not sent. */
  #touchRow({ ids }: Batch, row: number): void {
    for (const part of this.#layout.parts) {
      if (part.kind === 'dense') continue
      const at = row * this.#layout.spec.idWidth
      const length = part.kind === 'lookup' ? 1 : part.length
      const all = [...ids.subarray(at + part.from, at + part.from + length)]
      if (part.kind === 'attend') all.push(ids[at + part.fromQuery]!)
      for (const id of all) if (id !== 0) this.#touch(id, part)
    }
  }

  /** A counting sort, which keeps the occurrences of one embedding in their order. */
  #sort(touchedAt: number, occurrencesAt: number): void {
    let from = 0
    for (let e = 0; e < this.#touched; e++) {
      const number = this.#numbers[e]!
      const at = touchedAt + e * TOUCHED_WORDS
      this.#sent[at] = this.#parameters[e]!
      this.#sent[at + 1] = this.#widths[e]!
      this.#sent[at + 2] = from
      const count = this.#tally[number]!
      this.#tally[number] = from
      from += count
    }
    this.#sent.set([0, 0, from], touchedAt + this.#touched * TOUCHED_WORDS) // where the last one's occurrences end
    for (let o = 0; o < this.#count; o++)
      this.#sent[occurrencesAt + this.#tally[this.#embeddings[o]!]!++] = this.#places[o]!
    for (let e = 0; e < this.#touched; e++) {
      this.#tally[this.#numbers[e]!] = 0
      this.#known[this.#numbers[e]!] = 0
    }
  }
}
