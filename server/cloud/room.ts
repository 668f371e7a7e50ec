/** What a job works with, in whichever thread it runs. */
import type { Hyper } from '../../shared/hyper.ts'
import type { Store } from '../store/store.ts'

export interface Room {
  readonly store: Store
  /** The data folder. */
  readonly dir: string
  readonly hyper: Hyper
  /** Items that fewer users have seen are not named in samples (k). */
  readonly hideBelow: number
  /** Tables of more rows are not delivered whole. */
  readonly sliceAbove: number
}
