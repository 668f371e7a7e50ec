/** The readers who are in no arm: their clicks come in as everybody's do, and teach everybody's models. */
import type { Random } from '../../../shared/random.ts'
import type { Cloud } from '../../cloud/cloud.ts'
import { eventsOf, type Impression, type Reader } from '../../sources/globo-impressions.ts'
import { newReader } from './world.ts'

export interface Readers {
  /** All that these readers did, on disk when it resolves. */
  click(impressions: readonly Impression[]): Promise<void>
  /** The server's number of a reader, who is registered if they are new. */
  numberOf(user: number): Promise<number>
}

export function createReaders(cloud: Cloud, random: Random): Readers {
  const numbers = new Map<number, Promise<number>>()
  const readers = new Map<number, Reader>()

  /** Through a device that is gone again: nobody has to be matched who will not ask. */
  async function register(user: number): Promise<number> {
    const { device } = await cloud.register({ subject: `${user}` })
    const number = await cloud.userOf(device)
    await cloud.revoke(device)
    return number!
  }

  function numberOf(user: number): Promise<number> {
    const known = numbers.get(user) ?? register(user)
    numbers.set(user, known)
    return known
  }

  return {
    numberOf,
    async click(impressions) {
      const byUser = new Map<number, Impression[]>()
      for (const one of impressions) byUser.set(one.user, [...(byUser.get(one.user) ?? []), one])
      await Promise.all(
        [...byUser].map(async ([user, own]) => {
          const reader = readers.get(user) ?? newReader(user)
          readers.set(user, reader)
          const events = own.flatMap((one) => eventsOf(reader, random, one, one.at))
          await cloud.ingest(await numberOf(user), events)
        }),
      )
    },
  }
}
