/**
 * An event as its row in the log: kind (1 byte) · time (6 bytes) · what the kind adds. Its id is in the key. An exposure of
 * which the app said something is a kind of its own: how many numbers (1 byte), each in steps (2 bytes), then the item.
 */
import type { ItemContext, KindredEvent } from '../../shared/event.ts'
import { DENSE_STEPS } from '../../shared/sample.ts'
import { uuidBytes, uuidText } from './keys.ts'

const KINDS = ['exposure', 'click', 'behaviour', 'profile', 'told-exposure'] as const
const HEAD = 7

export function encodeEvent(event: KindredEvent): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD + sizeOf(event))
  bytes[0] = KINDS.indexOf(event.type === 'exposure' && event.context ? 'told-exposure' : event.type)
  bytes.writeUIntBE(event.at, 1, 6)
  switch (event.type) {
    case 'exposure':
      bytes.write(event.item, writeTold(bytes, event.context))
      break
    case 'click':
      uuidBytes(event.exposure).copy(bytes, HEAD)
      bytes.write(event.item, HEAD + 16)
      break
    case 'behaviour':
      bytes.write(event.name, HEAD)
      break
    case 'profile':
      bytes[HEAD] = Buffer.byteLength(event.name)
      bytes.write(event.name, HEAD + 1)
      bytes.write(event.value, HEAD + 1 + bytes[HEAD]!)
      break
    default:
      event satisfies never
  }
  return bytes
}

function sizeOf(event: KindredEvent): number {
  switch (event.type) {
    case 'exposure':
      return Buffer.byteLength(event.item) + (event.context ? 1 + 2 * event.context.length : 0)
    case 'click':
      return 16 + Buffer.byteLength(event.item)
    case 'behaviour':
      return Buffer.byteLength(event.name)
    case 'profile':
      return 1 + Buffer.byteLength(event.name) + Buffer.byteLength(event.value)
    default:
      return event satisfies never
  }
}

/** Writes what the app said, if anything; tells where that ends. */
function writeTold(bytes: Buffer, told: ItemContext | undefined): number {
  if (!told) return HEAD
  bytes[HEAD] = told.length
  told.forEach((value, i) => {
    bytes.writeInt16BE(Math.round(value * DENSE_STEPS), HEAD + 1 + 2 * i)
  })
  return HEAD + 1 + 2 * told.length
}

/** When the event of a row happened, ms. */
export const eventTime = (row: Buffer): number => row.readUIntBE(1, 6)

/** The inverse, given the row and its key. */
export function decodeEvent(key: Buffer, row: Buffer): KindredEvent {
  const id = uuidText(key, 4)
  const at = eventTime(row)
  const type = KINDS[row[0]!]
  switch (type) {
    case 'exposure':
      return { type, id, at, item: row.toString('utf8', HEAD) }
    case 'told-exposure': {
      const context = Array.from(
        { length: row[HEAD]! },
        (_, i) => row.readInt16BE(HEAD + 1 + 2 * i) / DENSE_STEPS,
      )
      return {
        type: 'exposure',
        id,
        at,
        item: row.toString('utf8', HEAD + 1 + 2 * context.length),
        context,
      }
    }
    case 'click':
      return { type, id, at, item: row.toString('utf8', HEAD + 16), exposure: uuidText(row, HEAD) }
    case 'behaviour':
      return { type, id, at, name: row.toString('utf8', HEAD) }
    case 'profile': {
      const split = HEAD + 1 + row[HEAD]!
      return { type, id, at, name: row.toString('utf8', HEAD + 1, split), value: row.toString('utf8', split) }
    }
    case undefined:
      throw new RangeError(`the log holds an event of the unknown kind ${row[0]}`)
    default:
      return type satisfies never
  }
}
