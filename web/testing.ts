/** For tests of the page: what a device says of itself that has done nothing yet but take up a task. */
import { BLANK, type Status } from '../shared/protocol.ts'

export const statusWith = (changes: Partial<Status> = {}): Status => ({
  ...BLANK,
  device: 'd',
  task: { name: 'demo', version: 1 },
  waitingFor: { reason: 'nothing' },
  leads: true,
  ...changes,
})
