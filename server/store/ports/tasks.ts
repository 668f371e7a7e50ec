/** What tasks need: who changed what, which devices there are, and how runs went. */
import type { DeviceInfo } from '../../../shared/release/device.ts'

/** Values numbered from 1 on, that nothing can change or remove: who changed what for devices. */
export interface Ledger {
  count(): Promise<number>
  /** False, and nothing is written, unless `n` is the next number. */
  append(n: number, value: unknown): Promise<boolean>
  /** From number `from` on, `limit` at most. */
  read(from: number, limit?: number): Promise<unknown[]>
}

/** What devices last said of themselves, and what they were given then. It goes with the device. */
export interface DeviceFacts {
  /** `given`: versions by task that it was given for what it said. False if there is no such device. */
  put(info: DeviceInfo, given?: Given): Promise<boolean>
  of(device: string): Promise<DeviceInfo | undefined>
  all(): AsyncIterable<DeviceInfo>
  /** The same, each with what it was given; undefined for one that has not been told yet. */
  given(): AsyncIterable<{ info: DeviceInfo; given: Given | undefined }>
  count(): Promise<number>
}

export type Given = Readonly<Record<string, number>>

/** Sums by day, task and version, of what uploads tell. Who sent one is not kept. */
export interface Sums {
  /**
   * Adds what an upload, by its id, tells on `day`; `add` gets a sum as it is, undefined before the first, and gives it as it is to be.
   * All or nothing; false, and nothing changes, for an upload that is known.
   */
  add(
    day: number,
    upload: string,
    changes: readonly {
      readonly task: string
      readonly version: number
      readonly add: (sum: unknown) => unknown
    }[],
  ): Promise<boolean>
  /** Of the days [from, to], by day, then task and version. */
  read(from: number, to: number): Promise<{ day: number; task: string; version: number; sum: unknown }[]>
  /** Bulk. An upload is known for two weeks. */
  dropBefore(day: number): Promise<void>
}
