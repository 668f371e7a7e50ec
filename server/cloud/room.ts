/** What a job works with, in whichever thread it runs. */
import type { Hyper } from '../../shared/hyper.ts'
import type { Store } from '../store/store.ts'
import type { Privacy } from './privacy/settings.ts'

export interface Room {
  readonly store: Store
  /** The data folder. */
  readonly dir: string
  readonly hyper: Hyper
  readonly privacy: Privacy
  /** Tables of more rows are not delivered whole. */
  readonly sliceAbove: number
  /** Batches of a day that are made during the day, of samples that came after the others were chosen. */
  readonly freshBatches: number
  /** Threads that link a large graph of users: one links it alike in every run. By default all cores, up to eight. */
  readonly linkThreads?: number | undefined
  /** Says something worth a line in the log. */
  readonly tell: (message: string, detail?: Readonly<Record<string, unknown>>) => void
}
