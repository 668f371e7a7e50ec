/** Keys and packed values of the lmdb tables. Numbers are big-endian, so that keys sort as they count. */

/** A key of unsigned 32-bit numbers. */
export function key(...numbers: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * numbers.length)
  for (let i = 0; i < numbers.length; i++) bytes.writeUInt32BE(numbers[i]!, 4 * i)
  return bytes
}

export const uuidBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex')

export function uuidText(bytes: Buffer, at = 0): string {
  const hex = bytes.toString('hex', at, at + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The key of an event: its user, then its id, which begins with its time. */
export function eventKey(user: number, id: string): Buffer {
  const bytes = Buffer.allocUnsafe(20)
  bytes.writeUInt32BE(user)
  bytes.write(id.replaceAll('-', ''), 4, 'hex')
  return bytes
}

/**
 * 24 bits that tell the exposures of one user in one week apart, by their ids (FNV-1a, then the end of MurmurHash3). Of a hundred
 * exposures two have the same bits in one case of 3,400; then the later one makes no sample.
 */
export function exposureTag(id: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 8
}

/** Numbers as varints of the differences between them, ascending: what a batch of sample ids takes. */
export function packIds(ids: Iterable<number>): Buffer {
  const bytes: number[] = []
  let last = 0
  for (const id of Uint32Array.from(ids).sort()) {
    let rest = id - last
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
    bytes.push(rest)
    last = id
  }
  return Buffer.from(bytes)
}

export function unpackIds(bytes: Uint8Array): Uint32Array {
  const ids = new Uint32Array(bytes.length)
  let count = 0
  let last = 0
  for (let at = 0; at < bytes.length; ) {
    let scale = 1
    for (; bytes[at]! >= 128; scale *= 128) last += (bytes[at++]! & 127) * scale
    last += bytes[at++]! * scale
    ids[count++] = last
  }
  return ids.slice(0, count)
}
