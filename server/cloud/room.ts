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
}
