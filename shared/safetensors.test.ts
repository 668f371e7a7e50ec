import { describe, expect, it } from 'vitest'
import { readSafetensors, readTensors, writeSafetensors } from './safetensors.ts'

const weights = {
  'embedding.item': { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-30, -0) },
  'out.b': { shape: [1], data: Float32Array.of(7) },
}

/** A file put together by hand, byte by byte, from the format's description. */
function byHand(header: unknown, data: number[]): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  return Uint8Array.from([json.length & 255, json.length >> 8, 0, 0, 0, 0, 0, 0, ...json, ...data])
}
const F32_ONE = [0, 0, 0x80, 0x3f]

describe('safetensors', () => {
  it('reads what it wrote, bit by bit', () => {
    expect(readSafetensors(writeSafetensors(weights))).toEqual(weights)
  })

  it('keeps integers as integers; where weights alone are due they are refused', () => {
    const tensors = { ...weights, 'ids.item': { shape: [2], data: Int32Array.of(-1, 1 << 30) } }
    const bytes = writeSafetensors(tensors)
    expect(readTensors(bytes)).toEqual(tensors)
    expect(() => readSafetensors(bytes)).toThrow('ids.item is not F32')
  })

  it('writes the header, offsets and little-endian bytes that the format asks for', () => {
    const bytes = writeSafetensors({ b: { shape: [1], data: Float32Array.of(1) } })
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    })
    expect([...bytes.subarray(8 + length)]).toEqual(F32_ONE)
  })

  it('reads a file written by others, metadata and all', () => {
    const file = byHand(
      { __metadata__: { by: 'hand' }, b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
      F32_ONE,
    )
    expect(readSafetensors(file)).toEqual({ b: { shape: [1], data: Float32Array.of(1) } })
  })

  it.each([
    ['an empty file', new Uint8Array(3), /shorter/],
    ['a header longer than the file', Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123, 125), /header/],
    ['a header that is not JSON', byHand('{"a":', []), /not JSON/],
    ['a header that is no object', byHand('[]', []), /object/],
    ['another dtype', byHand({ b: { dtype: 'F16', shape: [1], data_offsets: [0, 2] } }, [0, 0]), /F32/],
    [
      'offsets beyond the end',
      byHand({ b: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, F32_ONE),
      /place/,
    ],
    [
      'a shape that does not fill its bytes',
      byHand({ b: { dtype: 'F32', shape: [3], data_offsets: [0, 4] } }, F32_ONE),
      /place/,
    ],
    [
      'bytes that no tensor claims',
      byHand({ b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, [...F32_ONE, 0]),
      /gaps/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message)
  })
})
