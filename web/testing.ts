/** For tests of the page: what a device says of itself that has done nothing yet but take up a task. */
import type { Status } from '../shared/protocol.ts'

export const statusWith = (changes: Partial<Status> = {}): Status => ({
  device: 'd',
  online: true,
  task: { name: 'demo', version: 1 },
  tasks: [],
  arms: [],
  engine: null,
  events: { waiting: 0, delivered: 0 },
  samples: { local: 0, clicks: 0, matched: 0, filtered: 0 },
  models: [],
  serving: null,
  run: { phase: 'idle' },
  waitingFor: { reason: 'nothing' },
  rounds: [],
  failure: null,
  bytes: { down: 0, up: 0 },
  traffic: {},
  learning: true,
  sharing: { on: true, told: true },
  persistent: null,
  leads: true,
  ...changes,
})
