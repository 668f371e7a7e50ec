/** For tests of the page. */
import { vi } from 'vitest'
import { BLANK, type Status } from '../shared/protocol.ts'

/** What a device says of itself that has done nothing yet but take up a task. */
export const statusWith = (changes: Partial<Status> = {}): Status => ({
  ...BLANK,
  device: 'd',
  task: { name: 'demo', version: 1 },
  waitingFor: { reason: 'nothing' },
  leads: true,
  ...changes,
})

/** Views and words are loaded when they are first needed, which takes as long as it takes. */
export const soon = (look: () => void) => vi.waitFor(look, { timeout: 20_000, interval: 5 })
