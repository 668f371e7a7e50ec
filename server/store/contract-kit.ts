/** For the contract of stores: things to store. */
import type { KindredEvent } from '../../shared/event.ts'
import { exposureTag } from './keys.ts'
import type { NewSample, UserSamples } from './ports/samples.ts'
import type { Store } from './store.ts'

export interface Fixture {
  /** The store as it was last opened. */
  readonly store: Store
  /** Closes the store and opens what is on disk. */
  reopen(): Promise<void>
}

/** A version 7 id of the time `at`. */
export const uuid = (at: number, n = 0) => {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`
}
export const exposure = (at: number, item = 'a', n = 0): KindredEvent => ({
  type: 'exposure',
  id: uuid(at, n),
  at,
  item,
})
export const secret = (n: number) => Buffer.alloc(32, n)
export const numbers = (...values: number[]) => Uint32Array.from(values)

/** Two users, with a device each. */
export const twoUsers = async ({ users }: Store): Promise<[number, number]> => [
  await users.register('1', secret(1), 7),
  await users.register('2', secret(2), 8),
]

/** A sample of the exposure at the time `at`, in days of 100. */
export const sampleOf = (at: number): NewSample => ({
  exposure: exposureTag(uuid(at)),
  day: Math.floor(at / 100),
  row: Uint8Array.of(at % 256, 1),
})

export const madeOf = (
  user: number,
  samples: readonly NewSample[],
  changes: Partial<UserSamples> = {},
): UserSamples => ({
  user,
  stamp: 0,
  settled: true,
  samples,
  counted: { samples: samples.length, clicks: 1, sum: Float64Array.of(samples.length, 0.5) },
  ...changes,
})

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}
