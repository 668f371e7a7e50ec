/** What a figure was measured on. */
import { cpus, loadavg, totalmem } from 'node:os'

export function thisMachine() {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

/** Average number of processes that wanted a core in the last minute. */
export const load = (): number => Math.round(loadavg()[0]! * 100) / 100
