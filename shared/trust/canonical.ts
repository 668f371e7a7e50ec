/** One text for one value: what is hashed and signed. */

/**
 * JSON by RFC 8785: no white space, members by the UTF-16 units of their names, numbers as ECMAScript has them. Throws `TypeError` for
 * what is no JSON: undefined, a number that is not finite, half of a surrogate pair, an object of a class.
 */
export function canonical(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return textOf(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} is no JSON`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${Array.from(value, canonical).join(',')}]`
  if (typeof value !== 'object' || ![Object.prototype, null].includes(Object.getPrototypeOf(value)))
    throw new TypeError(`${typeof value === 'object' ? 'that object' : typeof value} is no JSON`)
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${textOf(name)}:${canonical((value as Record<string, unknown>)[name])}`).join(',')}}`
}

export const canonicalBytes = (value: unknown): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(canonical(value))

/** Without the members that are undefined, as JSON leaves them out. */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value))

function textOf(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('half of a surrogate pair is no text')
  return JSON.stringify(text)
}
