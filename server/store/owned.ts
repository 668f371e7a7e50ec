/**
 * Which samples are a user's, as a row of one slot: segments, each of samples that were added together —
 *   first number (u32) · count (u16) · ages, in runs until all are told: age (u8) · how many (u8) · count × exposure tag (3 bytes).
 * The age is the days between exposure and making, or GONE.
 */
import type { NewSample } from './ports/samples.ts'

const HEAD = 6
const TAG = 3
const MOST = 0xffff
const GONE = 255

/** Adds samples of the numbers from `first` on, made on `day`, to what there is. */
export function addOwned(
  row: Buffer | undefined,
  first: number,
  day: number,
  added: readonly NewSample[],
): Buffer {
  const segments = row ? [row] : []
  for (let from = 0; from < added.length; from += MOST) {
    const some = added.slice(from, from + MOST)
    const ages = some.map((sample) => Math.min(GONE - 1, Math.max(0, day - sample.day)))
    const tags = Buffer.allocUnsafe(TAG * some.length)
    some.forEach(({ exposure }, i) => {
      tags.writeUIntBE(exposure, TAG * i, TAG)
    })
    segments.push(segmentOf(first + from, ages, tags))
  }
  return Buffer.concat(segments)
}

function segmentOf(first: number, ages: readonly number[], tags: Buffer): Buffer {
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt32BE(first)
  head.writeUInt16BE(ages.length, 4)
  const runs: number[] = []
  for (let i = 0; i < ages.length; ) {
    let length = 1
    while (length < 255 && i + length < ages.length && ages[i + length] === ages[i]) length++
    runs.push(ages[i]!, length)
    i += length
  }
  return Buffer.concat([head, Buffer.from(runs), tags])
}

/** Calls `visit` with number and day of each sample that is there. */
export function readOwned(row: Buffer, made: number, visit: (id: number, day: number) => void): void {
  walk(row, (first, age, length) => {
    if (age !== GONE) for (let id = first; id < first + length; id++) visit(id, made - age)
  })
}

/** Adds the exposure tags of a row's samples, of those that are gone too. */
export function readTags(row: Buffer, tags: Set<number>): void {
  walk(row, undefined, (_, from, to) => {
    for (let at = from; at < to; at += TAG) tags.add(row.readUIntBE(at, TAG))
  })
}

/** The row without the samples `gone`; their exposures stay in it. */
export function withoutOwned(row: Buffer, gone: ReadonlySet<number>): Buffer {
  const segments: Buffer[] = []
  let ages: number[] = []
  walk(
    row,
    (first, age, length) => {
      for (let id = first; id < first + length; id++) ages.push(gone.has(id) ? GONE : age)
    },
    (first, from, to) => {
      segments.push(segmentOf(first, ages, row.subarray(from, to)))
      ages = []
    },
  )
  return Buffer.concat(segments)
}

export function countOwned(row: Buffer): number {
  let count = 0
  walk(row, (_, age, length) => {
    if (age !== GONE) count += length
  })
  return count
}

/** Calls `run` for numbers that follow one another and have one age, and after those of a segment `end`, with where its tags are. */
function walk(
  row: Buffer,
  run: (first: number, age: number, length: number) => void = () => {},
  end: (first: number, from: number, to: number) => void = () => {},
): void {
  for (let at = 0; at < row.length; ) {
    const first = row.readUInt32BE(at)
    const count = row.readUInt16BE(at + 4)
    at += HEAD
    for (let told = 0; told < count; at += 2) {
      run(first + told, row[at]!, row[at + 1]!)
      told += row[at + 1]!
    }
    end(first, at, at + TAG * count)
    at += TAG * count
  }
}
