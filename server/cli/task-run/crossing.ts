/** A job and what comes of it as text, between this process and a page: JSON, with typed arrays as base64. */

const ARRAYS = { Uint8Array, Int32Array, Float32Array } as const
type ArrayName = keyof typeof ARRAYS

interface Packed {
  readonly array: ArrayName
  readonly base64: string
}

const isPacked = (value: unknown): value is Packed =>
  typeof value === 'object' && value !== null && 'array' in value && 'base64' in value

export const pack = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    if (!ArrayBuffer.isView(inner)) return inner
    const bytes = new Uint8Array(inner.buffer, inner.byteOffset, inner.byteLength)
    let text = ''
    for (let at = 0; at < bytes.length; at += 0x8000)
      text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
    return { array: inner.constructor.name, base64: btoa(text) } satisfies Record<keyof Packed, string>
  })

export const unpack = (text: string): unknown =>
  JSON.parse(text, (_, inner: unknown) => {
    if (!isPacked(inner)) return inner
    const bytes = Uint8Array.from(atob(inner.base64), (letter) => letter.charCodeAt(0))
    return new ARRAYS[inner.array](bytes.buffer)
  })
