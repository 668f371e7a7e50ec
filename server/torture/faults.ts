/** What may go wrong, how often in this run, and how often it did. */
import type { Random } from '../../shared/random.ts'

export const FAULTS = [
  // the machine and the browser
  'tab-crash',
  'browser-kill',
  'power-cut',
  'freeze',
  'second-tab',
  'clock-forward',
  'clock-back',
  // the storage
  'slow-storage',
  'quota',
  'transaction-aborted',
  'connection-closed',
  'evicted',
  'partly-evicted',
  'bit-rot',
  // the network
  'offline',
  'portal',
  'request-lost',
  'answer-lost',
  'duplicated',
  'delayed',
  'body-cut',
  'bit-flipped',
  'forged-batch',
  // the server
  'crash-before',
  'crash-after',
  'error-500',
  'too-many-requests',
  'registrations-lost',
  'release',
  // the trainer
  'trainer-killed',
  'trainer-hangs',
  'trainer-fails',
  'trainer-lies',
] as const
export type Fault = (typeof FAULTS)[number]

export interface Faults {
  /** Whether `fault` strikes here; `chance` is how often it would where it is at its worst. */
  strikes(fault: Fault, chance: number): boolean
  /** Nothing strikes any more. */
  heal(): void
  readonly healed: boolean
  readonly counts: ReadonlyMap<Fault, number>
}

/**
 * Each run has faults of its own (swarm testing): about half of the kinds, some rare and some at their worst. A run
 * with all of them at once would hardly ever get far enough for the rare ones to meet anything.
 */
export function createFaults(random: Random): Faults {
  const intensity = new Map<Fault, number>()
  for (const fault of FAULTS) intensity.set(fault, random.next() < 0.5 ? 0 : random.next() ** 2)
  const counts = new Map<Fault, number>()
  let healed = false
  return {
    strikes(fault, chance) {
      const p = intensity.get(fault)! * chance
      if (healed || p === 0 || random.next() >= p) return false
      counts.set(fault, (counts.get(fault) ?? 0) + 1)
      return true
    },
    heal() {
      healed = true
    },
    get healed() {
      return healed
    },
    counts,
  }
}
