/**
 * What users have said about sharing their samples, on record with its time and the words that it was said to. Who does not
 * share has no samples, no vector and no place in the index; their events stay, for what they are themselves matched by.
 */
import type { Consent } from '../../shared/api.ts'
import type { Store } from '../store/store.ts'

/** Of the words on the page, which docs/privacy.md has by their versions. */
export const WORDS = 1

/** Whoever has said nothing shares, and was never asked. */
export const consentOf = async ({ consents }: Store, user: number): Promise<Consent> =>
  (await consents.of(user)) ?? { sharing: true, version: 0, at: 0 }

/**
 * Puts on record what a user says. Samples of one who refuses are made no more from then on; `withdraw` removes those there
 * are, and is done when this is. Throws `unauthorised` for a user who is gone.
 */
export async function giveConsent(
  store: Store,
  user: number,
  { sharing, now, withdraw }: { sharing: boolean; now: number; withdraw: (user: number) => Promise<unknown> },
): Promise<Consent> {
  const consent: Consent = { sharing, version: WORDS, at: now }
  await store.consents.put(user, consent)
  if (!sharing) await withdraw(user)
  return consent
}

/** Completes withdrawals that were cut off after they were put on record. */
export async function finishWithdrawals(store: Store): Promise<void> {
  for (const user of await store.consents.refusing())
    if ((await store.profiles.of(user)) || (await store.samples.of(user)).ids.length > 0)
      await store.withdraw(user)
}
