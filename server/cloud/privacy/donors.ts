/** Whose samples may be made at all: the one place where consent, age and activity of an account are asked for. */
import type { Privacy } from './settings.ts'

export interface Account {
  /** When it was registered, ms by the server's clock; 0 for one that was imported, which its importer vouches for. */
  readonly since: number
  /** Whether its user lets others learn from their samples. */
  readonly sharing: boolean
}

const IMPORTED = 0

/**
 * `ready`: samples are made. `later`: once the account is older. `never`: not of the events there are; more events, or
 * consent, may change that.
 */
export type Donor = 'ready' | 'later' | 'never'

/** `clicks`: how many the account's events have; `dayMs`: the length of a day. */
export function donorOf(
  { since, sharing }: Account,
  clicks: number,
  now: number,
  dayMs: number,
  { donorAgeDays, donorClicks }: Pick<Privacy, 'donorAgeDays' | 'donorClicks'>,
): Donor {
  if (!sharing) return 'never'
  if (since === IMPORTED) return 'ready'
  if (now - since < donorAgeDays * dayMs) return 'later'
  return clicks < donorClicks ? 'never' : 'ready'
}

/** Whether an account is old enough to be given samples. */
export const mayReceive = (
  { since }: Pick<Account, 'since'>,
  now: number,
  dayMs: number,
  { receiverAgeDays }: Pick<Privacy, 'receiverAgeDays'>,
): boolean => since === IMPORTED || now - since >= receiverAgeDays * dayMs
