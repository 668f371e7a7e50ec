/** Times and ids for events whose own times are absent or long gone. */
import { createHash } from 'node:crypto'
import { v7 } from 'uuid'
import { DAY_MS } from '../../shared/clock.ts'

/** Imported events happened in this stretch of virtual time … */
export const SPAN_MS = 7 * DAY_MS
/** … which ends so long before now: every exposure in it is settled. */
export const QUIET_MS = 3_600_000

/** [start, end] in ms of the week that imported events are spread over. */
export function virtualWeek(now: number): { start: number; end: number } {
  return { start: now - QUIET_MS - SPAN_MS, end: now - QUIET_MS }
}

/** More events than this in one millisecond have no ids. */
const PER_MS = 1 << 12

/**
 * Makes the ids of one user's events, in their order: UUIDs version 7 that follow from source, user, time and count
 * alone, and rise strictly while the times do not fall. The 62 bits after time and count tell the users apart.
 */
export function eventIds(source: string, user: string): (at: number) => string {
  const random = createHash('sha256').update(`${source}\0${user}`).digest()
  const tag = random.readUInt32LE(0) >>> 12
  let last = -1
  let count = 0
  return (at) => {
    if (at < last) throw new RangeError('times of a user must not fall')
    count = at === last ? count + 1 : 0
    if (count >= PER_MS) throw new RangeError('too many events in one millisecond')
    last = at
    return v7({ msecs: at, seq: (count << 20) | tag, random })
  }
}

/**
 * Stamps one user's events with ids and with times that rise strictly: what does not come after the event before it
 * (the first: after `last`) is put a millisecond behind that.
 */
export function stamps(source: string, user: string, last = -1): (at: number) => { id: string; at: number } {
  const nextId = eventIds(source, user)
  let before = last
  return (at) => {
    before = Math.max(at, before + 1)
    return { id: nextId(before), at: before }
  }
}
