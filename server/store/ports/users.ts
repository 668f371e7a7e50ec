/** Who is there, by which devices, and what they let others have. */
import type { Consent } from '../../../shared/api.ts'

export interface Users {
  /**
   * A new device that comes at the time `at` (ms); `credential` is the hash of what it will show. It is that of a new
   * user, or of the one user of `subject`, who is made when they come first.
   */
  register(device: string, credential: Buffer, at: number, subject?: string): Promise<number>
  /** `next` is the hash of a newer credential that the device has not shown yet. */
  byDevice(device: string): Promise<{ user: number; credential: Buffer; next?: Buffer } | undefined>
  /** Replaces the hashes of what a device may show; false if there is no such device. */
  setCredential(device: string, credential: Buffer, next?: Buffer): Promise<boolean>
  /** The device is not known any more, its user is; false if there is no such device. */
  removeDevice(device: string): Promise<boolean>
  devicesOf(user: number): Promise<string[]>
  has(user: number): Promise<boolean>
  /** When the user came (ms); 0 for one who was imported, undefined for one who is not there. */
  since(user: number): Promise<number | undefined>
  /** Those who can pull batches, ascending. */
  devices(): Promise<Uint32Array>
  count(): Promise<number>
}

export interface Consents {
  of(user: number): Promise<Consent | undefined>
  /** Who shares again has their samples made again. Throws `unauthorised` for a user who is gone. */
  put(user: number, consent: Consent): Promise<void>
  /** Those who do not share, ascending. */
  refusing(): Promise<Uint32Array>
}
