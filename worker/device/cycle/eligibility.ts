/** Whether this device may train by itself now, and the moment when it no longer may. */
import { AppError } from '../../../shared/failure.ts'
import type { Conditions, Status } from '../../../shared/protocol.ts'
import type { TaskManifest } from '../../../shared/tasks/manifest.ts'

export type Obstacle = Extract<Status['waitingFor']['reason'], 'paused' | 'battery' | 'data-saver' | 'hidden'>

/** When something may run by itself; what a policy does not say is as for a round. */
export type Policy = Partial<TaskManifest['eligibility']>

/**
 * What stands in the way of a round, or of a task, that nobody asked for; null where nothing does. What the browser does not tell
 * stands in no way. A hidden page learns only while the machine is plugged in: then nobody pays for it.
 */
export function obstacle(
  { page, battery, saveData }: Conditions,
  learning: boolean,
  { minBattery = 0, charging = false, onDataSaver = false, whileHidden = 'charging' }: Policy,
): Obstacle | null {
  const discharging = battery?.charging === false
  const hidden = { never: true, charging: discharging, always: false }[whileHidden]
  if (!learning) return 'paused'
  if (saveData && !onDataSaver) return 'data-saver'
  if (discharging && (charging || battery.level < minBattery)) return 'battery'
  if (page === 'frozen' || (page === 'hidden' && hidden)) return 'hidden'
  return null
}

const ENDS: Record<Obstacle, string> = {
  paused: 'Learning was switched off.',
  'data-saver': 'Data are to be saved.',
  battery: 'The battery is low.',
  hidden: 'The page was hidden while the machine runs on its battery.',
}

export interface Eligibility {
  readonly conditions: Conditions
  /** Whether a page has told how things stand. */
  readonly told: boolean
  /** The user's switch. */
  readonly learning: boolean
  /** What stands in the way now; without a policy, only the user's switch. */
  obstacle(policy: Policy | undefined): Obstacle | null
  /** Takes up what has changed. */
  set(change: { conditions?: Conditions; learning?: boolean }): void
  /** Aborts with `cancelled` once something stands in the way. */
  whileFree(policy: Policy): { signal: AbortSignal; end(): void }
}

/** Until a page tells how things stand, nothing is known of them. */
const UNKNOWN: Conditions = { page: 'visible', battery: null, saveData: null }

export function createEligibility(): Eligibility {
  const now = { conditions: UNKNOWN, learning: true }
  const watchers = new Set<() => void>()
  const find = (policy: Policy) => obstacle(now.conditions, now.learning, policy)
  return {
    get conditions() {
      return now.conditions
    },
    get told() {
      return now.conditions !== UNKNOWN
    },
    get learning() {
      return now.learning
    },
    obstacle: (policy = { minBattery: 0 }) => find(policy),
    set(change) {
      Object.assign(now, change)
      for (const watch of [...watchers]) watch()
    },
    whileFree(policy) {
      const controller = new AbortController()
      const watch = () => {
        const found = find(policy)
        if (found) controller.abort(new AppError('cancelled', ENDS[found]))
      }
      watchers.add(watch)
      watch()
      return { signal: controller.signal, end: () => void watchers.delete(watch) }
    },
  }
}
