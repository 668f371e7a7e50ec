/** A language that nobody speaks: English, longer, and written from right to left. It shows what a layout takes for granted. */
import { en, type Strings } from './en.ts'

/** Right-to-left override around each text, and a third more of it, as translations are longer than English. */
const strange = (text: string): string =>
  text && `\u202e${text}${' ·'.repeat(Math.ceil(text.length / 6))}\u202c`

function made<T>(from: T): T {
  if (typeof from === 'string') return strange(from) as T
  if (typeof from === 'function') return ((...input: unknown[]) => made(from(...input))) as T
  if (typeof from !== 'object' || from === null) return from
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, made(value)])) as T
}

export const pseudo: Strings = made(en)
